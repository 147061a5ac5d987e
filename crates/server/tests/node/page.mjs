// Opens the sign-in page in a browser and signs in as a person would. Prints one JSON object with
// what the person sees in the end.
//
// The one argument is JSON: `browser` (a program), `node` (JSON-RPC, whose accounts the wallet
// has), `link` and `redirecting` (where to begin).

import { chromium } from "playwright-core";

const task = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: task.browser, args: ["--no-sandbox"] });
const seen = { problems: [] };

async function rpc(method, params) {
  const answer = await fetch(task.node, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await answer.json();
  if (error) throw new Error(error.message);
  return result;
}

const [account] = await rpc("eth_accounts", []);

// What a wallet does, outside the page.
async function wallet({ method, params }) {
  if (method === "eth_requestAccounts") return [account];
  if (method === "personal_sign") return rpc("eth_sign", [params[1], params[0]]);
  throw new Error(`the wallet does not know ${method}`);
}

async function open(link, inject) {
  // A person's own browser: no cookies of others.
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("console", (message) => {
    const isIcon = message.location().url.endsWith("/favicon.ico");
    if (message.type() === "error" && !isIcon) seen.problems.push(message.text());
  });
  page.on("pageerror", (error) => seen.problems.push(error.message));
  await page.exposeFunction("askWallet", wallet);
  await page.addInitScript(inject);
  await page.goto(link);
  await page.getByRole("heading", { name: "Sign in with an Ethereum account" }).waitFor();
  return page;
}

// A wallet that announces itself (EIP-6963).
const announced = () => {
  const provider = { request: (asked) => window.askWallet(asked) };
  const detail = Object.freeze({
    info: { uuid: "350670db-19fa-4704-a166-e52e178b59d2", name: "Test wallet", icon: "", rdns: "org.example" },
    provider,
  });
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  window.addEventListener("eip6963:requestProvider", announce);
};
// One that is just there (EIP-1193).
const injected = () => { window.ethereum = { request: (asked) => window.askWallet(asked) }; };
// One whose owner says no.
const declining = () => {
  window.ethereum = { request: async () => { throw Object.assign(new Error("no"), { code: 4001 }); } };
};

async function json(page) {
  await page.waitForURL("**/auth/callback/eth?*");
  return JSON.parse(await page.evaluate(() => document.body.innerText));
}

const noWallet = (page) => page.getByText("There is no Ethereum wallet in this browser");

/** What the page says is wrong. */
async function wrong(page) {
  const said = page.locator("p.note.bad[role=status]");
  await said.waitFor();
  return said.innerText();
}

try {
  let page = await open(task.link, announced);
  await page.getByRole("button", { name: "Sign in with Test wallet" }).waitFor();
  if (await noWallet(page).isVisible()) throw new Error("the announced wallet is not offered");
  await page.getByRole("button", { name: "Sign in with Test wallet" }).click();
  seen.announced = await json(page);

  page = await open(task.redirecting, injected);
  // Nobody listens there: what matters is where the browser wanted to go.
  const left = page.waitForRequest((request) => request.url().startsWith("http://localhost:9/"));
  await page.getByRole("button", { name: "Sign in with Ethereum" }).click();
  seen.redirected = (await left).url();
  seen.problems = seen.problems.filter((problem) => !problem.includes("ERR_CONNECTION_REFUSED"));

  page = await open(task.link, declining);
  await page.getByRole("button", { name: "Sign in with Ethereum" }).click();
  seen.declined = await wrong(page);

  page = await open(task.link, () => {});
  if (!(await noWallet(page).isVisible())) throw new Error("a wallet is offered that is not there");
  await page.getByLabel("Your account's address").fill(account);
  await page.getByRole("button", { name: "Show the message" }).click();
  const text = page.locator("#message");
  await text.waitFor();
  const message = await text.inputValue();
  await page.getByLabel("The signature").fill("0x12");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  seen.refused = await wrong(page);
  // The answer to that is an error, which the console says, too.
  seen.problems = seen.problems.filter((problem) => !problem.includes("status of 401"));
  await page.getByLabel("The signature").fill(await rpc("eth_sign", [account, "0x" + Buffer.from(message).toString("hex")]));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  seen.byHand = await json(page);
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

// Pictures of all states, at 360 and 1280 pixels, light and dark: npm run shots [name …]

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { Browser, clickText, Person, waitForText, waitUntilGone } from "./browser";
import { codeOf, Coordinator, Other, Provider, sleep } from "./coordinator";
import { base, statuses } from "./fixtures";
import { Front } from "./front";
import { TestWallet } from "./wallet";

const folder = process.env.SHOTS ?? fileURLToPath(new URL("./shots", import.meta.url));
mkdirSync(folder, { recursive: true });
const only = process.argv.slice(2);
const wanted = (name: string) => only.length === 0 || only.some((it) => name.startsWith(it));

const browser = await Browser.start();

async function shoot(page: Page, name: string): Promise<void> {
  for (const width of [360, 1280]) {
    await page.setViewport({ width, height: width === 360 ? 740 : 900, deviceScaleFactor: width === 360 ? 2 : 1 });
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await sleep(50);
      await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`), fullPage: true });
    }
  }
  console.log(name);
}

const SIZES = "512:16,1024:16,2048:16,4096:16";

interface Stage {
  front: Front;
  coordinator: Coordinator;
  at(path: string): Promise<Person>;
}

/** A coordinator of its own for each scene. */
async function scene(name: string, settings: string[], play: (stage: Stage) => Promise<void>): Promise<void> {
  if (!wanted(name)) return;
  const front = await Front.start();
  const coordinator = await Coordinator.start(front, ["--ceremony", SIZES, ...settings]);
  const people: Person[] = [];
  const at = async (path: string) => {
    people.push(await Person.at(front, browser, path));
    return people.at(-1)!;
  };
  await play({ front, coordinator, at });
  for (const person of people) await person.context.close();
  await coordinator.stop();
  front.stop();
}

const faked = await Front.start();
for (const [name, status] of Object.entries(statuses)) {
  if (!wanted(name)) continue;
  faked.status(status);
  const person = await Person.at(faked, browser, "/");
  await waitForText(person.page, /contributed|begun/);
  await shoot(person.page, name);
  await person.context.close();
}
for (const [path, name] of Object.entries({ about: "about", verify: "verify", "sign-in#state=abc": "sign-in-for-a-program", "sign-in": "sign-in-without-a-program" })) {
  if (!wanted(name)) continue;
  faked.status(base);
  const person = await Person.at(faked, browser, `/${path}`);
  await person.page.waitForSelector("h1");
  await sleep(200);
  await shoot(person.page, name);
  await person.context.close();
}
for (const [name, limit] of Object.entries({ "take-sign-in": 180_000, "take-tight": 60_000, "take-too-slow": 3_000 })) {
  if (!wanted(name)) continue;
  faked.status({ ...base, contributionLimitInMs: limit });
  const person = await Person.at(faked, browser, "/take-part");
  await person.page.waitForSelector("[data-trial]", { timeout: 30_000 });
  await shoot(person.page, name);
  await person.context.close();
}
faked.stop();

await scene("life", ["--signin", "invite"], async ({ front, at, coordinator }) => {
  const bob = await Other.block(front.url, "bob");
  const ahead = await Promise.all(["carol", "dave", "erin"].map(async (name) => (await Other.join(front.url, name)).stay()));
  const alice = await at("/take-part");
  const { page } = alice;
  await alice.signIn("alice");
  await page.waitForSelector("[data-trial]", { timeout: 30_000 });
  await page.type("#entropy", "the quick brown fox");
  await shoot(page, "life-1-ready");
  await alice.joinLine();
  await waitForText(page, "You are number 4.");
  await shoot(page, "life-2-waiting-far");
  const second = await alice.tab("/take-part");
  await waitForText(second, "Another tab of this browser");
  await shoot(second, "life-3-second-tab");
  await second.close();
  await page.bringToFront();
  await clickText(page, "Leave the line");
  await shoot(page, "life-4-leave");
  await clickText(page, "Stay");
  for (const other of ahead) await other.leave();
  await waitForText(page, "You are next.");
  await shoot(page, "life-5-waiting-near");
  front.breakDown();
  await waitForText(page, "Trying to reach");
  await shoot(page, "life-6-lost");
  front.down = false;
  await waitUntilGone(page, "Trying to reach");
  await coordinator.admin("pause");
  await waitForText(page, "You keep your place");
  await shoot(page, "life-7-paused");
  await coordinator.admin("resume");
  await waitForText(page, "You are next.");
  front.slow("/contribution/complete", 60_000);
  await bob.abort();
  await waitForText(page, /computed. \d\d %/, 60_000);
  await shoot(page, "life-8-computing");
  // On one machine the system takes all at once, so that nothing is seen of the sending.
  await waitForText(page, "The coordinator is checking it.", 60_000);
  await shoot(page, "life-9-checking");
  await waitForText(page, "You are contributor 1.", 120_000);
  await waitForText(page, "bound to exactly");
  await sleep(500);
  await shoot(page, "life-a-done");
  await page.goto(`${front.url}/`);
  await waitForText(page, "1 person has contributed.");
  await page.goto(`${front.url}/contributions`);
  await waitForText(page, "invite|alice");
  await shoot(page, "life-b-list");
  await page.goto(`${front.url}/contributions/1`);
  await page.waitForSelector("#verify");
  await page.click("#verify");
  await waitForText(page, "Part 4: the contributor's key has signed the name");
  await sleep(500);
  await shoot(page, "life-c-one");
  await page.goto(`${front.url}/verify`);
  for (const button of ["#check-log", "#check-chain"]) {
    await page.waitForSelector(`${button}:not([disabled])`);
    await page.click(button);
  }
  await waitForText(page, "all go on from one another");
  await waitForText(page, "first checkpoint");
  await shoot(page, "life-d-verified");
});

await scene("passed", ["--signin", "invite"], async ({ front, coordinator }) => {
  const bob = await Other.block(front.url, "bob");
  const ahead = await Promise.all(["carol", "dave", "erin"].map(async (name) => (await Other.join(front.url, name)).stay()));
  const own = await front.another();
  await own.leadTo(coordinator.port);
  const judy = await Person.at(own, browser, "/take-part");
  await judy.join("judy");
  await waitForText(judy.page, "You are number 4.");
  const behind = await Other.join(front.url, "mallory");
  const turn = behind.turn();
  own.breakDown();
  await waitForText(judy.page, "Trying to reach");
  for (const other of ahead) await other.leave();
  await bob.abort();
  await turn;
  await behind.call("/contribution/start");
  own.down = false;
  await waitForText(judy.page, "cannot happen again");
  await shoot(judy.page, "passed");
  await judy.context.close();
});

await scene("not-allowed", ["--signin", "invite"], async ({ front, coordinator, at }) => {
  const bob = await Other.block(front.url, "bob");
  const carol = await at("/take-part");
  await carol.join("carol");
  await waitForText(carol.page, "You are next.");
  await coordinator.admin("expel", "2", "--reason", "runs a hundred browsers");
  await waitForText(carol.page, "runs a hundred browsers");
  await shoot(carol.page, "not-allowed-expelled");
  await clickText(carol.page, "Try again");
  await carol.join("carol");
  await waitForText(carol.page, "You may not join.");
  await shoot(carol.page, "not-allowed-used-up");
  const late = await at("/take-part");
  await coordinator.admin("drain");
  await waitForText(late.page, "Nobody new is taken.");
  await shoot(late.page, "not-allowed-draining-sign-in");
  await late.join("dave");
  await waitForText(late.page, "You may not join.");
  await shoot(late.page, "not-allowed-draining");
  await bob.abort();
  await sleep(500);
  const closed = await at("/take-part");
  await waitForText(closed.page, "The ceremony is closed.");
  await shoot(closed.page, "not-allowed-closed-sign-in");
});

if (wanted("github")) {
  const provider = await Provider.start();
  await scene("github", ["--signin", "siwe,invite,github", ...provider.settings], async ({ front, at }) => {
    const person = await at("/about");
    const wallet = new TestWallet();
    await wallet.injectInto(person.page, "announced");
    await person.page.goto(`${front.url}/take-part`);
    await waitForText(person.page, "Sign in with Testwallet");
    await shoot(person.page, "github-1-sign-in");
    provider.user = { id: 99, login: "Newcomer", created_at: "2026-05-01T00:00:00Z", type: "User", name: null };
    await clickText(person.page, "Sign in with GitHub");
    await waitForText(person.page, "accounts made up to");
    await shoot(person.page, "github-2-not-allowed");
    const bob = await Other.block(front.url, "bob");
    await clickText(person.page, "Sign in with Testwallet");
    await waitForText(person.page, "You are eth|");
    await person.joinLine();
    await waitForText(person.page, "Sign with the wallet");
    await shoot(person.page, "github-3-second-signature");
    front.json("/queue/checkin", { code: "Session::Unknown", error: "the session is not known" }, 401);
    await waitForText(person.page, "Your session has ended");
    await shoot(person.page, "github-4-session-ended");
    await bob.abort();
  });
  provider.stop();
}

await scene("moved", ["--signin", "invite"], async ({ front, coordinator, at }) => {
  await Other.block(front.url, "bob");
  const dave = await at("/take-part");
  await dave.join("dave");
  await waitForText(dave.page, "You are next.");
  const nextFront = await front.another();
  const next = await coordinator.another(nextFront, ["--ceremony", SIZES, "--signin", "invite"]);
  await coordinator.admin("pause");
  const bundle = join(coordinator.folder, "bundle");
  await coordinator.admin("handover", "--to", await next.publicKey(), "--url", nextFront.url, "-o", bundle);
  await waitForText(dave.page, "The log's last entry");
  await shoot(dave.page, "moved-waiting");
  const watcher = await at("/");
  await waitForText(watcher.page, "The log's last entry");
  await shoot(watcher.page, "moved-watching");
  const newcomer = await at("/take-part");
  await waitForText(newcomer.page, "The log's last entry");
  await shoot(newcomer.page, "moved-sign-in");
});

await scene("lost", ["--signin", "invite"], async ({ front, at }) => {
  const bob = await Other.block(front.url, "bob");
  const alice = await at("/take-part");
  await alice.join("alice");
  await waitForText(alice.page, "You are next.");
  const session = await alice.page.createCDPSession();
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await sleep(35_000);
  await session.send("Page.setWebLifecycleState", { state: "active" });
  await waitForText(alice.page, "Your place was lost.");
  await shoot(alice.page, "lost-place");
  const twice = [await at("/take-part"), await at("/take-part")];
  for (const person of twice) await person.join("carol");
  await bob.abort();
  for (const { page } of twice) await waitForText(page, "You are contributor 1.", 120_000);
  await sleep(3000);
  for (const { page } of twice) {
    if (await page.evaluate(() => document.body.innerText.includes("made in another tab"))) await shoot(page, "lost-other-device");
  }
});

if (wanted("german")) {
  await scene("german", ["--signin", "invite"], async ({ front, at }) => {
    const person = await at("/take-part");
    await person.page.select("footer select", "de");
    await waitForText(person.page, "Wer bist du?");
    await person.page.type("#invite", codeOf("alice"));
    await shoot(person.page, "german-sign-in");
    await person.page.goto(`${front.url}/about`);
    await person.page.waitForSelector("h1");
    await shoot(person.page, "german-about");
  });
}
await browser.stop();

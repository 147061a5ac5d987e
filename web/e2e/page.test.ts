// The page in a real browser, against a real coordinator of small sizes.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import axe from "axe-core";
import type { Browser, Page } from "puppeteer-core";
import { browse, clickText, Coordinator, Front, joinAs, Other, sleep, waitForText } from "./harness";

let front: Front;
let coordinator: Coordinator;
let browser: Browser;

before(async () => {
  front = await Front.start();
  coordinator = await Coordinator.start(front, ["--ceremony", "16:4,32:4,64:4,128:4", "--signin", "invite"]);
  browser = await browse();
});

after(async () => {
  await browser?.close();
  await coordinator?.stop();
  front?.stop();
});

/** A page in a browser of its own: another person. */
async function person(path: string) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.on("dialog", (dialog) => void dialog.accept());
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load")) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(front.url) && !request.url().startsWith("blob:")) complaints.push(request.url());
  });
  await page.goto(front.url + path);
  return { context, page, complaints };
}

async function isAccessible(page: Page, where: string): Promise<void> {
  // Beside the page's policy, which has no place for the checker.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(async () => {
    const found = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }).axe.run();
    return { violations: found.violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(" ")}`) };
  });
  assert.deepEqual(violations, [], where);
}

test("a page without any contribution", async () => {
  const { context, page, complaints } = await person("/");
  await waitForText(page, "Nobody has contributed yet.");
  await waitForText(page, "join now and it is your turn at once");
  await isAccessible(page, "/");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a contribution from the browser, checked by the page and by our own program", async () => {
  const { context, page, complaints } = await person("/");
  await clickText(page, "Take part");
  await joinAs(page, "alice");
  await waitForText(page, "It counted.", 60_000);
  await waitForText(page, "You are contributor 1.", 60_000);
  await waitForText(page, "bound to exactly what this page has sent");
  const checks = await page.$$eval(".checks li", (all) => all.map((it) => `${it.className}: ${it.innerText}`));
  assert.ok(checks.length >= 6, checks.join("\n"));
  assert.ok(checks.every((it) => it.startsWith("good:")), checks.join("\n"));
  await isAccessible(page, "done");
  const kept = await page.evaluate(() => localStorage.getItem("tauline.keepsake.invite|alice"));
  const file = join(coordinator.folder, "tickets.json");
  writeFileSync(file, kept!);
  const audit = await coordinator.tauline("audit", "--server", front.url, "--ticket", file);
  assert.equal(audit.code, 0, audit.output);
  // The whole transcript is valid, with this signature.
  const transcript = await (await fetch(`${front.url}/ceremony/transcript`)).text();
  writeFileSync(join(coordinator.folder, "transcript.json"), transcript);
  const verified = await coordinator.tauline("verify", "transcript.json", "--ceremony", "16:4,32:4,64:4,128:4");
  assert.equal(verified.code, 0, verified.output);
  assert.match(transcript, /invite\|alice/);
  assert.deepEqual(complaints, []);
  // After the page is loaded again, it is still said.
  await page.reload();
  await page.goto(`${front.url}/take-part`);
  await waitForText(page, "You are contributor 1.");
  await context.close();
});

test("the contribution is found, shown and verified", async () => {
  const { context, page, complaints } = await person("/contributions");
  await waitForText(page, "invite|alice");
  await isAccessible(page, "/contributions");
  await page.type("#find", "Alice");
  await page.keyboard.press("Enter");
  await waitForText(page, "Contribution 1");
  await page.waitForSelector("#verify");
  await page.click("#verify");
  await waitForText(page, "Part 4: the contributor's key has signed the name");
  await isAccessible(page, "/contributions/1");
  assert.equal(await page.$$eval(".checks .bad", (all) => all.length), 0);
  await page.goto(`${front.url}/contributions/77`);
  await waitForText(page, "There is no contribution 77.");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("log, files and chain are verified in the page", async () => {
  const { context, page, complaints } = await person("/verify");
  await page.waitForSelector("#check-log:not([disabled])");
  await page.click("#check-log");
  await waitForText(page, "This is the first checkpoint");
  await page.waitForSelector("#check-log:not([disabled])");
  await page.click("#check-log");
  await waitForText(page, "The log goes on from the one that you saw");
  const input = await page.$<"input">("input#file" as "input");
  await input!.uploadFile(join(coordinator.folder, "tickets.json"));
  await waitForText(page, "Your ticket is in the log");
  await waitForText(page, "The receipt is signed by the coordinator");
  await page.click("#check-chain");
  await waitForText(page, "Contributions 1 to 1: all go on from one another.");
  assert.equal(await page.$$eval(".checks .bad", (all) => all.length), 0);
  // A receipt that somebody has changed.
  const forged = join(coordinator.folder, "forged.json");
  const kept = JSON.parse(readFileSync(join(coordinator.folder, "tickets.json"), "utf8")) as {
    receipt: { receipt: string };
  };
  kept.receipt.receipt = kept.receipt.receipt.replace("alice", "mallory");
  writeFileSync(forged, JSON.stringify(kept.receipt));
  await input!.uploadFile(forged);
  await waitForText(page, "Not proven");
  await isAccessible(page, "/verify");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("waiting: position, promise, second tab, lost connection, pause, restart; then the turn", async () => {
  const bob = await Other.join(front.url, "bob");
  await bob.start();
  const { context, page, complaints } = await person("/take-part");
  await joinAs(page, "carol");
  await waitForText(page, "You are next.");
  await waitForText(page, "the coordinator has signed that");
  await isAccessible(page, "waiting");

  const second = await context.newPage();
  second.on("dialog", (dialog) => void dialog.accept());
  await second.goto(`${front.url}/take-part`);
  await waitForText(second, "Another tab of this browser computes for you");

  front.breakDown();
  await waitForText(page, "Trying to reach the coordinator. Your place is kept for another");
  await waitForText(page, "You are next.");
  front.down = false;
  await page.waitForFunction(() => !document.body.innerText.includes("Trying to reach"), { timeout: 20_000, polling: 100 });

  await coordinator.admin("pause");
  await waitForText(page, "The ceremony pauses.", 30_000);
  await coordinator.admin("resume");
  await waitForText(page, "You are next.", 30_000);

  await coordinator.halt();
  await waitForText(page, "Trying to reach the coordinator", 30_000);
  await coordinator.run();
  await page.waitForFunction(() => !document.body.innerText.includes("Trying to reach"), { timeout: 30_000, polling: 100 });

  await bob.abort();
  await waitForText(page, "It counted.", 60_000);
  await waitForText(second, "It counted.", 60_000);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a page that is loaded again keeps its place", async () => {
  const dave = await Other.join(front.url, "dave");
  await dave.start();
  const { context, page } = await person("/take-part");
  await joinAs(page, "erin");
  await waitForText(page, "You are next.");
  await page.reload();
  await page.goto(`${front.url}/take-part`);
  await waitForText(page, "You are next.");
  await dave.abort();
  await waitForText(page, "It counted.", 60_000);
  await context.close();
});

test("who leaves is asked first, and told what it means", async () => {
  const { context, page } = await person("/take-part");
  const blocker = await Other.join(front.url, "frank");
  await blocker.start();
  await page.waitForSelector("#invite");
  await page.type("#invite", "wrong code");
  await clickText(page, "Sign in with the code");
  await waitForText(page, "invitation code");
  await page.$eval("#invite", (it) => ((it as HTMLInputElement).value = ""));
  await page.type("#invite", "code-of-alice-1");
  await clickText(page, "Sign in with the code");
  await page.waitForSelector("[data-trial]", { timeout: 30_000 });
  await clickText(page, "Join the line");
  // Who has contributed gets the receipt again.
  await waitForText(page, "It counted.");
  await waitForText(page, "made in another tab or on another device");
  await blocker.abort();
  await sleep(100);
  await context.close();
});

// The page in a real browser, against a real coordinator of small sizes: watching, contributing, the receipt,
// and verifying what came of it.

import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { allProven, Browser, clickText, looksRight, Person, until, waitForText } from "./browser";
import { Coordinator } from "./coordinator";
import { Front } from "./front";

const SIZES = "16:4,32:4,64:4,128:4";

let front: Front;
let coordinator: Coordinator;
let browser: Browser;

before(async () => {
  front = await Front.start();
  coordinator = await Coordinator.start(front, ["--ceremony", SIZES, "--signin", "invite"]);
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  await coordinator?.stop();
  front?.stop();
});

test("what is asked of every page is noticed where it does not hold", async () => {
  const page = (await Person.at(front, browser, "/")).page;
  await waitForText(page, "Nobody has contributed yet.");
  await page.evaluate(() => {
    const style = document.createElement("style");
    style.textContent = "body { color: red }";
    document.head.append(style);
    void fetch("https://stranger.example/").catch(() => undefined);
  });
  await until(() => front.reports.length > 0, "the policy stops a style, and that is reported");
  await until(() => browser.strangers.includes("stranger.example:443"), "a stranger is asked, and that is noticed");
  assert.match(front.reports[0]!, /style-src/);
  front.reports.length = 0;
  browser.strangers.length = 0;
  await page.evaluate(() => document.querySelector("main")!.append(document.createElement("img")));
  await assert.rejects(looksRight(page, "an image without words"), /image-alt/);
  await page.evaluate(() => (document.querySelector("main")!.lastElementChild as HTMLImageElement).remove());
  await page.evaluate(() => document.querySelector("main")!.append("w".repeat(10)));
  await page.evaluate(() => (document.querySelector<HTMLElement>("main")!.style.minWidth = "500px"));
  await assert.rejects(looksRight(page, "too wide"), /pixels wider/);
  await page.browserContext().close();
});

test("a status that comes before anything is painted is shown", async () => {
  const somebody = await Person.at(front, browser, "/about");
  const { page } = somebody;
  // As where a frame is late: effects that wait for one wait for a while.
  await page.evaluateOnNewDocument("window.requestAnimationFrame = () => 0");
  await page.goto(`${front.url}/`);
  await waitForText(page, "Nobody has contributed yet.");
  await somebody.leave();
});

test("a page without any contribution", async () => {
  const watcher = await Person.at(front, browser, "/");
  await waitForText(watcher.page, "Nobody has contributed yet.");
  await waitForText(watcher.page, "join now and it is your turn at once");
  await looksRight(watcher.page, "watching, with nobody there yet");
  await watcher.page.goto(`${front.url}/contributions`);
  await waitForText(watcher.page, "There is none yet.");
  await looksRight(watcher.page, "no contributions");
  await watcher.page.goto(`${front.url}/about`);
  await waitForText(watcher.page, "What is this?");
  await looksRight(watcher.page, "about");
  await watcher.page.goto(`${front.url}/sign-in#state=of-a-test`);
  await waitForText(watcher.page, "Sign in with an Ethereum account");
  await looksRight(watcher.page, "signing in for a program");
  await watcher.leave();
});

test("a contribution from the browser, checked by the page and by our own program", async () => {
  const alice = await Person.at(front, browser, "/");
  const { page } = alice;
  await clickText(page, "Take part");
  await alice.join("alice");
  await waitForText(page, "It counted.", 60_000);
  await waitForText(page, "You are contributor 1.", 60_000);
  await waitForText(page, "bound to exactly what this page has sent");
  await allProven(page, 6);
  await looksRight(page, "done");

  await clickText(page, "Download your receipt");
  await clickText(page, "Save what was signed for you");
  await clickText(page, "Save a picture");
  const [receipt, tickets, picture] = await Promise.all(
    ["tauline-receipt-1.json", "tauline-tickets.json", "contribution.svg"].map((name) => alice.downloaded(name)),
  );
  assert.match(readFileSync(picture!, "utf8"), /<svg.*You are contributor 1\..*<\/svg>/s);
  const audit = await coordinator.tauline("audit", "--server", front.url, "--ticket", tickets!);
  assert.equal(audit.code, 0, audit.output);
  copyFileSync(tickets!, join(coordinator.folder, "tickets.json"));
  // The whole transcript is valid, and what the receipt is of is in it.
  const transcript = await (await fetch(`${front.url}/ceremony/transcript`)).text();
  writeFileSync(join(coordinator.folder, "transcript.json"), transcript);
  const verified = await coordinator.tauline("verify", "transcript.json", "--ceremony", SIZES, "--receipt", receipt!);
  assert.equal(verified.code, 0, verified.output);

  await clickText(page, "Share");
  await waitForText(page, "Copied.");
  const shared = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(shared, `I am contributor 1 of Powers of tau. ${front.url}/contributions/1`);

  // After the page is loaded again, it is still said.
  await page.reload();
  await page.goto(`${front.url}/take-part`);
  await waitForText(page, "You are contributor 1.");
  await alice.leave();
});

test("the contribution is found, shown and verified", async () => {
  const somebody = await Person.at(front, browser, "/contributions");
  const { page } = somebody;
  await waitForText(page, "invite|alice");
  await looksRight(page, "contributions");
  await page.type("#find", "nobody");
  await page.keyboard.press("Enter");
  await waitForText(page, "There is no contribution of nobody.");
  await page.$eval("#find", (it) => ((it as HTMLInputElement).value = ""));
  await page.type("#find", "Alice");
  await page.keyboard.press("Enter");
  await waitForText(page, "Contribution 1");
  await page.waitForSelector("#verify");
  await page.click("#verify");
  await waitForText(page, "Part 4: the contributor's key has signed the name");
  await allProven(page, 8);
  await looksRight(page, "one contribution, verified");
  await page.goto(`${front.url}/contributions/77`);
  await waitForText(page, "There is no contribution 77.");
  await looksRight(page, "no such contribution");
  await somebody.leave();
});

test("log, files and chain are verified in the page", async () => {
  const somebody = await Person.at(front, browser, "/verify");
  const { page } = somebody;
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
  await allProven(page, 5);
  // A receipt that somebody has changed.
  const forged = join(coordinator.folder, "forged.json");
  const kept = JSON.parse(readFileSync(join(coordinator.folder, "tickets.json"), "utf8")) as {
    receipt: { receipt: string };
  };
  kept.receipt.receipt = kept.receipt.receipt.replace("alice", "mallory");
  writeFileSync(forged, JSON.stringify(kept.receipt));
  await input!.uploadFile(forged);
  await waitForText(page, "Not proven");
  await looksRight(page, "verified, with a forgery among it");
  await somebody.leave();
});

test("another language: chosen, kept, and with its own numbers and times", async () => {
  const somebody = await Person.at(front, browser, "/");
  const { page } = somebody;
  await waitForText(page, "1 person has contributed.");
  await page.select("footer select", "de");
  await waitForText(page, "1 Mensch hat beigetragen.");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await looksRight(page, "watching, in German");
  await page.goto(`${front.url}/take-part`);
  await waitForText(page, /Dieses Gerät braucht dafür etwa \d+ Sekunde/);
  await page.waitForSelector("#invite");
  await page.type("#invite", "falsch");
  await page.keyboard.press("Enter");
  await waitForText(page, "Diese Einladung ist hier nicht bekannt.");
  await looksRight(page, "signing in, in German");
  await somebody.leave();
});

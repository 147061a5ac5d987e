// In line: with others, on several tabs and devices, away for a moment, and leaving.

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { allProven, Browser, clickText, looksRight, Person, until, waitForText, waitUntilGone } from "./browser";
import { codeOf, Coordinator, Other } from "./coordinator";
import { standing } from "./fixtures";
import { Front, type Handler } from "./front";

const SIZES = "16:4,32:4";

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

test("two browsers and a command line in one line, each in its turn", async () => {
  const bob = await Other.block(front.url, "bob");
  const alice = await Person.at(front, browser, "/take-part");
  await alice.join("alice");
  await waitForText(alice.page, "You are next.");
  const program = coordinator.program("tauline", "contribute", "--server", front.url, "--invite", codeOf("dave"));
  const other = await Browser.start();
  const carol = await Person.at(front, other, "/take-part");
  await waitForText(carol.page, "Your invitation code");
  for (let i = 0; i < 100 && (await coordinator.status()).queueLength < 2; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  await carol.join("carol");
  await waitForText(carol.page, "You are number 3.");
  await waitForText(carol.page, /Your turn comes at about .+, in /);
  await looksRight(carol.page, "waiting far back");
  await bob.abort();
  await waitForText(alice.page, "You are contributor 1.", 60_000);
  const { code, output } = await program.ended;
  assert.equal(code, 0, output);
  await waitForText(carol.page, "You are contributor 3.", 60_000);
  assert.deepEqual(await coordinator.participants(), ["invite|alice", "invite|dave", "invite|carol"]);
  for (const person of [alice, carol]) await person.leave();
  await other.stop();
  const transcript = await (await fetch(`${front.url}/ceremony/transcript`)).text();
  writeFileSync(join(coordinator.folder, "transcript.json"), transcript);
  const verified = await coordinator.tauline("verify", "transcript.json", "--ceremony", SIZES);
  assert.equal(verified.code, 0, verified.output);
});

test("a second tab shows the same place and who computes, and takes over when the first is closed", async () => {
  const bob = await Other.block(front.url, "erin");
  const frank = await Person.at(front, browser, "/take-part");
  await frank.join("frank");
  await waitForText(frank.page, "You are next.");
  await waitForText(frank.page, "the coordinator has signed that");
  const second = await frank.tab("/take-part");
  await waitForText(second, "You are next.");
  await waitForText(second, "Another tab of this browser computes for you");
  await looksRight(second, "the second tab");
  await frank.page.bringToFront();
  await frank.page.close();
  await waitUntilGone(second, "Another tab of this browser computes for you");
  await bob.abort();
  await waitForText(second, "You are contributor 4.", 60_000);
  await waitForText(second, "bound to exactly what this page has sent", 30_000);
  await allProven(second, 6);
  await frank.leave();
});

test("another device has the same place; both compute, one counts, and both say so", async () => {
  const bob = await Other.block(front.url, "grace");
  const here = await Person.at(front, browser, "/take-part");
  await here.join("heidi");
  await waitForText(here.page, "You are next.");
  const there = await Person.at(front, browser, "/take-part");
  await there.join("heidi");
  await waitForText(there.page, "You are next.");
  await waitForText(there.page, "You are also signed in elsewhere, with the same place.");
  await bob.abort();
  for (const { page } of [here, there]) {
    await waitForText(page, "You are contributor 5.", 60_000);
    await waitForText(page, /bound to exactly what this page has sent|made in another tab or on another device/, 30_000);
  }
  const others = await Promise.all(
    [here, there].map(({ page }) => page.evaluate(() => document.body.innerText.includes("made in another tab or on another device"))),
  );
  assert.deepEqual(others.sort(), [false, true], "one of them is told that the other's counts");
  for (const { page } of [here, there]) assert.equal(await page.$$eval(".checks .bad", (all) => all.length), 0);
  for (const person of [here, there]) await person.leave();
});

test("who is away when the turn comes free is passed, and is told what that means", async () => {
  // A ceremony of its own: where turns were short so far, she would have to be heard of sooner.
  const ownFront = await front.another();
  const own = await Coordinator.start(ownFront, ["--ceremony", SIZES, "--signin", "invite"]);
  const { url } = own;
  const bob = await Other.block(url, "ivan");
  const ahead = await Promise.all(["sybil", "trent", "victor"].map(async (name) => (await Other.join(url, name)).stay()));
  const judy = await Person.at(ownFront, browser, "/take-part");
  await judy.join("judy");
  // So far back that she has half a minute until she must be heard of again.
  await waitForText(judy.page, "You are number 4.");
  const behind = await Other.join(url, "mallory");
  const turn = behind.turn();
  ownFront.breakDown();
  await waitForText(judy.page, "Trying to reach the coordinator");
  for (const other of ahead) await other.leave();
  await bob.abort();
  await turn;
  await behind.call("/contribution/start");
  ownFront.down = false;
  await waitForText(judy.page, "somebody else took it; it cannot happen again.");
  await waitForText(judy.page, "You are next.");
  await looksRight(judy.page, "passed");
  await behind.abort();
  await waitForText(judy.page, "You are contributor 1.", 60_000);
  await judy.leave();
  await own.stop();
});

test("who is far back goes by the deadline, sees the line move, and is there in time when it moves fast", async () => {
  const ownFront = await front.another();
  const own = await Coordinator.start(ownFront, ["--ceremony", SIZES, "--signin", "invite"]);
  const status = (await own.status()) as object;
  // A line of a thousand, in which this one stands wherever the test says.
  let position = 417;
  const asked: string[] = [];
  const answer: Handler = (request, response) => {
    asked.push(request.url ?? "");
    // One that is held is not answered as long as this lasts.
    if (request.url?.endsWith("wait=15")) return;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(standing("walter", position, 30_000)));
  };
  ownFront.fakes.set("/queue/join", answer);
  ownFront.fakes.set("/queue/checkin", answer);
  let streams: ServerResponse[] = [];
  const line = (queueLength: number, turns: number) => {
    const ended = { ended: "contributed", turnInMs: 40_000, identity: "invite|somebody" };
    // They end when the answer has long come.
    const at = Math.floor(Date.now() / 1000) + 60;
    const recent = Array.from({ length: turns }, (_, i) => ({ ticket: i + 1, endedAt: at, number: i + 1, ...ended }));
    for (const stream of streams) stream.write(`event: status\ndata: ${JSON.stringify({ ...status, queueLength, recent })}\n\n`);
  };
  ownFront.fakes.set("/ceremony/events", (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    streams = [...streams, response];
    line(1000, 0);
  });
  const walter = await Person.at(ownFront, browser, "/take-part");
  await walter.join("walter");
  await waitForText(walter.page, "You are number 417.");
  line(999, 1);
  await waitForText(walter.page, "You are number 416.");
  await looksRight(walter.page, "far back");
  assert.deepEqual(asked, ["/queue/join"], "the line moved, and nothing was asked for that");

  position = 17;
  line(599, 2);
  await until(() => asked.length > 1, "a line that shrinks is asked about at once", 10_000);
  assert.equal(asked[1], "/queue/checkin?wait=0");
  await waitForText(walter.page, "You are number 17.");
  await until(() => asked.length > 2, "near the turn a check-in is held", 10_000);
  assert.equal(asked[2], "/queue/checkin?wait=15");
  await walter.leave();
  await own.stop();
});

test("a page that is loaded again keeps its place", async () => {
  const blocker = await Other.block(front.url, "niaj");
  const olivia = await Person.at(front, browser, "/take-part");
  await olivia.join("olivia");
  await waitForText(olivia.page, "You are next.");
  await olivia.page.reload();
  await olivia.page.goto(`${front.url}/take-part`);
  await waitForText(olivia.page, "You are next.");
  await blocker.abort();
  await waitForText(olivia.page, "You are contributor 6.", 60_000);
  await olivia.leave();
});

test("near the turn the screen stays on; who leaves is asked first, and told what it means", async () => {
  const blocker = await Other.block(front.url, "peggy");
  const rupert = await Person.at(front, browser, "/about");
  const { page } = rupert;
  // Without a screen Chromium gives no lock.
  await page.evaluateOnNewDocument(() => {
    const locks: string[] = [];
    const request = (type: string) => {
      locks.push(type);
      return Promise.resolve(Object.assign(new EventTarget(), { release: () => Promise.resolve(locks.push("released")) }));
    };
    Object.assign(window, { locks });
    Object.defineProperty(navigator, "wakeLock", { value: { request } });
  });
  const locks = () => page.evaluate(() => (window as unknown as { locks: string[] }).locks);
  await page.goto(`${front.url}/take-part`);
  await rupert.join("rupert");
  await waitForText(page, "You are next.");
  assert.deepEqual(await locks(), ["screen"]);
  await clickText(page, "Leave the line");
  await waitForText(page, "If you leave, your place is lost");
  await looksRight(page, "asked whether to leave");
  await clickText(page, "Stay");
  await waitUntilGone(page, "If you leave, your place is lost");
  await clickText(page, "Leave the line");
  await waitForText(page, "If you leave, your place is lost");
  await page.evaluate(() => document.querySelector<HTMLElement>("[role=alertdialog] button:last-child")!.click());
  await waitForText(page, "You have left the line.");
  assert.deepEqual(await locks(), ["screen", "released"]);
  await looksRight(page, "left");
  await rupert.leave();
  await blocker.abort();
});

test("who has contributed and comes again gets the receipt again", async () => {
  const alice = await Person.at(front, browser, "/take-part");
  await alice.join("alice");
  await waitForText(alice.page, "It counted.");
  await waitForText(alice.page, "made in another tab or on another device");
  await alice.leave();
});

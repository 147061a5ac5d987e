// Connections that are lost, and a coordinator that is killed, at each moment of a participant's life.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { allProven, Browser, looksRight, Person, until, waitForText, waitUntilGone } from "./browser";
import { Coordinator, Other, sleep } from "./coordinator";
import { Front } from "./front";

const LOST = "Trying to reach the coordinator";

let front: Front;
let coordinator: Coordinator;
let browser: Browser;

before(async () => {
  front = await Front.start();
  // Large enough that computing, sending and fetching take their time.
  coordinator = await Coordinator.start(front, ["--ceremony", "512:8,1024:8", "--signin", "invite"]);
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  await coordinator?.stop();
  front?.stop();
});

/** Somebody who has counted, by one turn and one contribution. */
async function counted({ page }: Person, name: string): Promise<void> {
  await waitForText(page, "It counted.", 60_000);
  await waitForText(page, "bound to exactly what this page has sent", 30_000);
  await allProven(page, 6);
  const lines = coordinator.log.split("\n").filter((line) => line.includes(`identity=invite|${name}`));
  const count = (event: string) => lines.filter((line) => line.includes(event)).length;
  assert.equal(count("event=called"), 1, "it was one turn");
  assert.equal(count("outcome=contributed"), 1);
}

test("lost while waiting: it is said, the place is kept, and it goes on by itself", async () => {
  const bob = await Other.block(front.url, "bob");
  const alice = await Person.at(front, browser, "/take-part");
  await alice.join("alice");
  await waitForText(alice.page, "You are next.");
  front.breakDown();
  await waitForText(alice.page, /Trying to reach the coordinator. Your place is kept for another \d:\d\d/);
  await waitForText(alice.page, "You are next.");
  await looksRight(alice.page, "lost while waiting");
  front.down = false;
  await waitUntilGone(alice.page, LOST);
  await bob.abort();
  await counted(alice, "alice");
  await alice.leave();
});

test("the coordinator is killed while somebody waits, and started again", async () => {
  const heidi = await Other.block(front.url, "heidi");
  const carol = await Person.at(front, browser, "/take-part");
  await carol.join("carol");
  await waitForText(carol.page, "You are next.");
  await coordinator.end("SIGKILL");
  await waitForText(carol.page, LOST);
  await coordinator.run();
  await waitUntilGone(carol.page, LOST);
  await waitForText(carol.page, "You are next.");
  await heidi.abort();
  await counted(carol, "carol");
  await carol.leave();
});

test("lost while downloading: the same powers are fetched again", async () => {
  const dave = await Person.at(front, browser, "/take-part");
  let starts = 0;
  front.onRequest = (path) => (starts += path === "/contribution/start" ? 1 : 0);
  const cut = front.cut("/contribution/start", "answer", 20_000);
  await dave.join("dave");
  await cut;
  front.breakDown();
  await waitForText(dave.page, LOST);
  front.down = false;
  await counted(dave, "dave");
  assert.ok(starts >= 2, `${starts} times fetched`);
  await dave.leave();
});

test("lost while sending: the same contribution is sent again", async () => {
  const erin = await Person.at(front, browser, "/take-part");
  let sent = 0;
  front.onRequest = (path) => (sent += path === "/contribution/complete" ? 1 : 0);
  const cut = front.cut("/contribution/complete", "request", 20_000);
  await erin.join("erin");
  await cut;
  front.breakDown();
  await waitForText(erin.page, LOST);
  await looksRight(erin.page, "lost while sending");
  front.down = false;
  await counted(erin, "erin");
  assert.ok(sent >= 2, `${sent} times sent`);
  await erin.leave();
});

test("the answer is lost: the receipt comes by another way", async () => {
  const frank = await Person.at(front, browser, "/take-part");
  const cut = front.cut("/contribution/complete", "answer", 1);
  await frank.join("frank");
  await cut;
  await counted(frank, "frank");
  await frank.leave();
});

test("the coordinator is killed while a page computes: the turn and the work are good", async () => {
  const grace = await Person.at(front, browser, "/take-part");
  await grace.join("grace");
  await waitForText(grace.page, "Your contribution is being computed.");
  await coordinator.end("SIGKILL");
  await sleep(1000);
  await coordinator.run();
  await counted(grace, "grace");
  await grace.leave();
});

test("all of them are in the transcript, in the order of the line", async () => {
  const names = ["alice", "carol", "dave", "erin", "frank", "grace"];
  assert.deepEqual(await coordinator.participants(), names.map((name) => `invite|${name}`));
  await until(async () => (await coordinator.status()).turn === null, "no turn is left over");
});

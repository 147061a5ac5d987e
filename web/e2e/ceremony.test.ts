// What the operator does, as those see it who watch, wait and come: pause, drain, plans, the end, handover.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Browser, checksOf, clickText, looksRight, Person, waitForText } from "./browser";
import { Coordinator, Other } from "./coordinator";
import { Front } from "./front";

const SETTINGS = ["--ceremony", "16:4,32:4", "--signin", "invite"];

let browser: Browser;
before(async () => (browser = await Browser.start()));
after(() => browser?.stop());

async function run(work: (front: Front, coordinator: Coordinator) => Promise<void>): Promise<void> {
  const front = await Front.start();
  const coordinator = await Coordinator.start(front, SETTINGS);
  try {
    await work(front, coordinator);
  } finally {
    await coordinator.stop();
    front.stop();
  }
}

/** Whoever is turned away can keep the signed refusal, and our own program takes it as proof. */
async function refusalIsProven(coordinator: Coordinator, person: Person): Promise<void> {
  await clickText(person.page, "Save what was signed for you");
  const file = await person.downloaded("tauline-tickets.json");
  const kept = JSON.parse(readFileSync(file, "utf8")) as { refusals: string[] };
  assert.match(kept.refusals[0]!, /^tauline refusal v1\n/);
  const audit = await coordinator.tauline("audit", "--server", coordinator.url, "--ticket", file);
  assert.equal(audit.code, 0, audit.output);
}

test("a ceremony that is planned, opens, pauses, goes on, drains, and ends", () =>
  run(async (front, coordinator) => {
    const watcher = await Person.at(front, browser, "/");
    const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().replace(/\.\d+/, "");

    await coordinator.admin("drain");
    await coordinator.admin("open", "--at", inDays(2));
    await waitForText(watcher.page, "The ceremony has not begun yet.");
    await waitForText(watcher.page, "It opens on");
    await looksRight(watcher.page, "not begun");
    const early = await Person.at(front, browser, "/take-part");
    await waitForText(early.page, "The ceremony is closed. Whoever joins now gets a place when it opens.");
    await looksRight(early.page, "taking part before it begins");
    await early.join("alice");
    await waitForText(early.page, "You join as soon as it goes on.");

    await coordinator.admin("open");
    await waitForText(early.page, "You are contributor 1.", 60_000);
    await early.leave();
    await coordinator.admin("drain", "--at", inDays(3));
    await waitForText(watcher.page, "It takes people until");
    await waitForText(watcher.page, "1 person has contributed.");

    const bob = await Other.block(front.url, "bob");
    const carol = await Person.at(front, browser, "/take-part");
    await carol.join("carol");
    await waitForText(carol.page, "You are next.");
    await coordinator.admin("pause");
    await waitForText(carol.page, "You keep your place, number 1.");
    await looksRight(carol.page, "waiting in a pause");
    await waitForText(watcher.page, "The ceremony pauses.");
    await looksRight(watcher.page, "watching a pause");
    const newcomer = await Person.at(front, browser, "/take-part");
    await waitForText(newcomer.page, "The ceremony pauses. Whoever joins now gets a place as soon as it goes on.");
    await newcomer.join("erin");
    await waitForText(newcomer.page, "You join as soon as it goes on.");
    await coordinator.admin("resume");
    await waitForText(carol.page, "You are next.");
    await waitForText(newcomer.page, "You are number 2.");

    await coordinator.admin("drain");
    await waitForText(watcher.page, "2 people who wait are still served. Then the ceremony ends.");
    await looksRight(watcher.page, "watching the line being served");
    const late = await Person.at(front, browser, "/take-part");
    await waitForText(late.page, "Nobody new is taken.");
    await late.join("dave");
    await waitForText(late.page, "You may not join.");
    await waitForText(late.page, "Nobody new is taken.");
    await looksRight(late.page, "came too late");
    await refusalIsProven(coordinator, late);
    await late.leave();

    await bob.abort();
    await waitForText(carol.page, "You are contributor 2.", 60_000);
    await waitForText(newcomer.page, "You are contributor 3.", 60_000);
    await waitForText(watcher.page, "The ceremony is closed.");
    await waitForText(watcher.page, "3 people have contributed.");
    await looksRight(watcher.page, "watching after the end");
    for (const person of [carol, newcomer, watcher]) await person.leave();
  }));

test("a ceremony that is handed over: the page says where it is, shows that the log says so, and goes there", () =>
  run(async (front, coordinator) => {
    const bob = await Other.block(front.url, "bob");
    const watcher = await Person.at(front, browser, "/");
    const carol = await Person.at(front, browser, "/take-part");
    await carol.join("carol");
    await waitForText(carol.page, "You are next.");
    await bob.abort();
    await waitForText(carol.page, "You are contributor 1.", 60_000);
    await Other.block(front.url, "erin");
    const dave = await Person.at(front, browser, "/take-part");
    await dave.join("dave");
    await waitForText(dave.page, "You are next.");

    const nextFront = await front.another();
    const next = await coordinator.another(nextFront, SETTINGS);
    await coordinator.admin("pause");
    const bundle = join(coordinator.folder, "bundle");
    await coordinator.admin("handover", "--to", await next.publicKey(), "--url", nextFront.url, "-o", bundle);
    await next.run("--from-handover", bundle);

    const there = `127.0.0.1:${nextFront.port}`;
    await waitForText(watcher.page, `The ceremony has moved to ${there}.`);
    await waitForText(watcher.page, "The log's last entry gives the ceremony to the coordinator 0x");
    assert.deepEqual((await checksOf(watcher.page)).map((it) => it.slice(0, 5)), ["good:", "good:"]);
    await looksRight(watcher.page, "watching a ceremony that has moved");
    await watcher.leave();
    const newcomer = await Person.at(front, browser, "/take-part");
    await waitForText(newcomer.page, "The ceremony has moved to another coordinator. Places in line are kept there");
    assert.equal(await newcomer.page.$("#invite"), null, "nobody signs in where nothing goes on");
    await newcomer.leave();

    await waitForText(dave.page, `The ceremony has moved to ${there}.`);
    await waitForText(dave.page, "Places in line are kept there");
    await looksRight(dave.page, "waiting in a ceremony that has moved");
    await next.admin("resume");
    await clickText(dave.page, "Go there");
    await dave.page.waitForFunction((origin) => location.origin === origin, {}, nextFront.url);
    await clickText(dave.page, "Take part");
    await dave.join("dave");
    // Who had the turn has it there, too, and gives it up.
    await waitForText(dave.page, "You are next.");
    await (await Other.join(nextFront.url, "erin")).abort();
    await waitForText(dave.page, "You are contributor 2.", 60_000);
    assert.deepEqual(await next.participants(), ["invite|carol", "invite|dave"]);

    // Who has contributed still has the receipt, and the old page's checks of it.
    await carol.page.reload();
    await waitForText(carol.page, "You are contributor 1.");
    await carol.leave();
    await dave.leave();
  }));

test("who is expelled is told why", () =>
  run(async (front, coordinator) => {
    const bob = await Other.block(front.url, "bob");
    const carol = await Person.at(front, browser, "/take-part");
    await carol.join("carol");
    await waitForText(carol.page, "You are next.");
    await coordinator.admin("expel", "2", "--reason", "runs a hundred browsers");
    await waitForText(carol.page, "The operator has ended your stay. Reason given: runs a hundred browsers");
    await looksRight(carol.page, "expelled");
    // The same name again is refused, with a reason and a signature.
    await clickText(carol.page, "Try again");
    await carol.join("carol");
    await waitForText(carol.page, "You may not join.");
    await waitForText(carol.page, "You may not join again: the ceremony's operator ended your stay (runs a hundred browsers).");
    await waitForText(carol.page, "The refusal is signed");
    await looksRight(carol.page, "not allowed");
    await refusalIsProven(coordinator, carol);
    await carol.leave();
    await bob.abort();
  }));

// A tab in the background, in a Chromium that treats it as a person's does: nothing of what puppeteer switches off
// for its own ends is switched off. TAULINE_NIGHTLY=1 hides it for ten minutes, as long as it takes until
// Chromium lets the timers of a hidden page run once a minute only (after one minute, or five). Ordinary runs
// tell it to begin with that after some seconds.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Browser, looksRight, Person, until, waitForText } from "./browser";
import { Coordinator, Other, sleep } from "./coordinator";
import { standing } from "./fixtures";
import { Front, type Handler } from "./front";

const nightly = process.env.TAULINE_NIGHTLY === "1";
const SECONDS = nightly ? 600 : 75;
const SOON = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/5";

async function run(args: string[], settings: string[], work: (front: Front, coordinator: Coordinator, browser: Browser) => Promise<void>) {
  const front = await Front.start();
  const coordinator = await Coordinator.start(front, ["--ceremony", "64:4,128:4", "--signin", "invite", ...settings]);
  const browser = await Browser.start({ throttles: true, args });
  try {
    await work(front, coordinator, browser);
  } finally {
    await browser.stop();
    await coordinator.stop();
    front.stop();
  }
}

/** The longest time between two, and from the last of them to now. */
const longestGap = (times: number[]): number => Math.max(...[...times, Date.now()].slice(1).map((at, i) => at - times[i]!));

async function keepsItsPlace(front: Front, coordinator: Coordinator, browser: Browser): Promise<void> {
  const bob = await Other.block(front.url, "bob");
  const alice = await Person.at(front, browser, "/");
  const { page } = alice;
  await alice.context.overridePermissions(front.url, ["notifications"]);
  // What a person would see and hear.
  await page.evaluateOnNewDocument(() => {
    const told: string[] = [];
    class Told {
      static permission = "granted";
      static requestPermission = () => Promise.resolve("granted");
      constructor(title: string, { body }: { body: string }) {
        told.push(`${title}: ${body}`);
      }
    }
    Object.assign(window, { Notification: Told, told });
  });
  await page.goto(`${front.url}/take-part`);
  await alice.join("alice");
  await waitForText(page, "You are next.");
  await page.evaluate(() => {
    const button = [...document.querySelectorAll("button")].find((it) => it.innerText === "Tell me when it begins");
    button!.click();
    // How seldom a timer of the page itself runs, for comparison: of a chain, since those are held back most.
    const ticks: number[] = [];
    Object.assign(window, { ticks });
    const tick = () => {
      ticks.push(Date.now());
      setTimeout(tick, 100);
    };
    tick();
  });
  const checkIns: number[] = [];
  front.onRequest = (path) => {
    if (path.startsWith("/queue/checkin")) checkIns.push(Date.now());
  };
  const cover = await alice.tab("/about");
  await cover.bringToFront();
  await until(() => page.evaluate(() => document.visibilityState === "hidden"), "the tab is hidden");
  const hiddenAt = Date.now();
  await sleep(SECONDS * 1000);
  assert.equal(await page.evaluate(() => document.visibilityState), "hidden");
  const ticks = await page.evaluate(() => (window as unknown as { ticks: number[] }).ticks);
  const [own, workers] = [longestGap(ticks.filter((at) => at > hiddenAt)), longestGap(checkIns.filter((at) => at > hiddenAt))];
  console.log(`hidden for ${SECONDS} s: the page's own timer stood still for up to ${own} ms, the longest time between two check-ins was ${workers} ms`);
  assert.ok(own > 5000, "Chromium does hold back the page's own timers");
  // Each is held for 15 s by the coordinator, and the next one follows.
  assert.ok(workers < 25_000, "check-ins go on");
  const before = await coordinator.status();
  assert.equal(before.queueLength, 1, "the place is kept");

  await bob.abort();
  await until(async () => (await coordinator.status()).contributions === 1, "the contribution is made while the tab is hidden", 60_000);
  assert.equal(await page.evaluate(() => document.visibilityState), "hidden");
  await until(async () => (await page.title()).startsWith("✓"), "the tab's title says so", 90_000);
  const told = await page.evaluate(() => (window as unknown as { told: string[] }).told);
  assert.deepEqual(told, [
    "Powers of tau: It is your turn: your contribution is being computed.",
    "Powers of tau: It counted.",
  ]);
  await page.bringToFront();
  await waitForText(page, "You are contributor 1.");
  await alice.leave();
}

/** Far back, in a Chromium that holds workers back, too: the events of the public stream wake the page. */
async function restsFarBack(front: Front, _: Coordinator, browser: Browser): Promise<void> {
  const DEADLINE = 50_000;
  const asked: { at: number; url: string }[] = [];
  const answer: Handler = (request, response) => {
    asked.push({ at: Date.now(), url: request.url ?? "" });
    const told = JSON.stringify(standing("alice", 5000, DEADLINE));
    response.writeHead(200, { "content-type": "application/json" }).end(told);
  };
  front.fakes.set("/queue/join", answer);
  front.fakes.set("/queue/checkin", answer);
  const alice = await Person.at(front, browser, "/take-part");
  await alice.join("alice");
  await waitForText(alice.page, /You are number 5,?000\./);
  // Another page of the coordinator's would be a second client.
  const cover = await alice.context.newPage();
  await cover.bringToFront();
  await until(() => alice.page.evaluate(() => document.visibilityState === "hidden"), "the tab is hidden");
  await until(() => asked.length > 4, "check-ins go on", 4 * DEADLINE);
  const gaps = asked.slice(1).map(({ at }, i) => at - asked[i]!.at);
  console.log(`far back and hidden, with ${DEADLINE} ms told, it checked in after ${gaps.join(", ")} ms`);
  assert.ok(Math.max(...gaps) < DEADLINE, "each in time");
  assert.ok(asked.slice(1).every(({ url }) => url === "/queue/checkin?wait=0"), "and none is held");
  await alice.leave();
}

async function sleeps(front: Front, _: Coordinator, browser: Browser): Promise<void> {
  const bob = await Other.block(front.url, "bob");
  const alice = await Person.at(front, browser, "/take-part");
  await alice.join("alice");
  await waitForText(alice.page, "You are next.");
  const session = await alice.page.createCDPSession();
  let asked = 0;
  front.onRequest = (path) => (asked += path === "/queue/checkin" ? 1 : 0);
  const sleepFor = async (seconds: number) => {
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    asked = 0;
    await sleep(seconds * 1000);
    assert.equal(asked, 0, "nothing runs in a page that is frozen");
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await until(() => asked > 0, "it goes on");
  };
  await sleepFor(5);
  await waitForText(alice.page, "You are next.");
  await sleepFor(32);
  await waitForText(alice.page, "This page was not heard of in time, so the line went on.");
  await looksRight(alice.page, "place lost");
  await alice.leave();
  await bob.abort();
}

// Most of it is waiting, so one waits beside the other.
describe("in the background", { concurrency: true }, () => {
  const long = ["--contribution-limit", "900"];
  it("a hidden tab keeps its place and contributes", () => run(nightly ? [] : [SOON], long, keepsItsPlace));

  it("so it does in a Chromium that holds workers back, too, which none does by itself", { skip: !nightly }, () =>
    run([`${SOON},BlinkSchedulerWorkerThrottling`], long, keepsItsPlace),
  );

  it("one that is far back, where it rests between check-ins, is heard of in time", () =>
    run([`${SOON},BlinkSchedulerWorkerThrottling`], [], restsFarBack),
  );

  it("a computer that sleeps for a moment goes on, and one that sleeps too long is told that its place is lost", () =>
    run([], [], sleeps),
  );
});

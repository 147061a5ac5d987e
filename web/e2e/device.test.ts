// A device that is too slow is told so before it joins. Chromium can slow down pages, but not workers, so
// the process that draws the page is stopped nine tenths of the time, as a slow device would be busy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser, clickText, looksRight, Person, waitForText } from "./browser";
import { Coordinator } from "./coordinator";
import { Front } from "./front";

/** Stops these processes most of the time. Returns how to let them be. */
function slowDown(pids: number[]): () => void {
  const signal = (name: "SIGSTOP" | "SIGCONT") => {
    for (const pid of pids) process.kill(pid, name);
  };
  let stopped = false;
  // Of each 50 ms 5 are left.
  const timer = setInterval(() => {
    stopped = !stopped;
    signal(stopped ? "SIGSTOP" : "SIGCONT");
    if (!stopped) setTimeout(() => !ended && signal("SIGSTOP"), 5);
  }, 25);
  let ended = false;
  return () => {
    ended = true;
    clearInterval(timer);
    signal("SIGCONT");
  };
}

async function renderers(browser: Browser): Promise<number[]> {
  const session = await browser.chromium.target().createCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.filter((it) => it.type === "renderer").map((it) => it.id);
}

test("a device that is too slow is told so, and cannot join; a faster one can", async () => {
  const front = await Front.start();
  const coordinator = await Coordinator.start(front, ["--signin", "invite", "--contribution-limit", "60"]);
  const browser = await Browser.start();
  let stop = () => undefined as void;
  try {
    const person = await Person.at(front, browser, "/");
    const { page } = person;
    await waitForText(page, "Nobody has contributed yet.");
    stop = slowDown(await renderers(browser));
    await clickText(page, "Take part");
    await page.waitForSelector("[data-trial]", { timeout: 60_000 });
    stop();
    assert.equal(await page.$eval("[data-trial]", (it) => (it as HTMLElement).dataset.trial), "slow");
    await waitForText(page, "This device is too slow");
    await person.signIn("alice");
    assert.ok(await page.$eval("#join", (it) => (it as HTMLButtonElement).disabled), "one cannot join");
    await looksRight(page, "a device that is too slow");
    // The same page on a device that is not.
    await page.reload();
    await page.waitForSelector("[data-trial]", { timeout: 60_000 });
    assert.notEqual(await page.$eval("[data-trial]", (it) => (it as HTMLElement).dataset.trial), "slow");
    await person.leave();
  } finally {
    stop();
    await browser.stop();
    await coordinator.stop();
    front.stop();
  }
});

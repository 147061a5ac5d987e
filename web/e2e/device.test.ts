// A device that is too slow is told so before it joins. Chromium slows down pages for tests, but not workers,
// so it is the ceremony that asks for more than this machine can do.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "puppeteer-core";
import { Browser, looksRight, Person, waitForText } from "./browser";
import { Coordinator } from "./coordinator";
import { Front } from "./front";

/** What the trial of a second came to. */
async function tried(page: Page): Promise<{ trial: string; seconds: number }> {
  await page.waitForSelector("[data-trial]", { timeout: 60_000 });
  return page.$eval("[data-trial]", (it) => {
    const { trial, seconds } = (it as HTMLElement).dataset;
    return { trial: trial!, seconds: Number(seconds) };
  });
}

test("a device that is too slow is told so, and cannot join; where more time is allowed, it can", async () => {
  const front = await Front.start();
  const coordinator = await Coordinator.start(front, ["--signin", "invite"]);
  const browser = await Browser.start();
  try {
    const person = await Person.at(front, browser, "/take-part");
    const { page } = person;
    const { seconds } = await tried(page);
    assert.ok(seconds > 1 && seconds < 160, `${seconds} s for a contribution of full size`);
    const allow = async (limit: number) => {
      await coordinator.end();
      await coordinator.run("--contribution-limit", String(Math.ceil(limit)));
      await page.reload();
      return tried(page);
    };

    const slow = await allow(seconds / 4);
    assert.equal(slow.trial, "slow", `${slow.seconds} s, and ${seconds} s before`);
    await waitForText(page, /This device is too slow: it needs about \d+ (seconds?|minutes?), and only \d+ (seconds?|minutes?) (are|is) allowed/);
    await person.signIn("alice");
    assert.ok(await page.$eval("#join", (it) => (it as HTMLButtonElement).disabled), "one cannot join");
    await looksRight(page, "a device that is too slow");

    const fast = await allow(seconds * 10);
    assert.equal(fast.trial, "good", `${fast.seconds} s, and ${seconds} s before`);
    assert.ok(!(await page.$eval("#join", (it) => (it as HTMLButtonElement).disabled)), "one can join");
    await person.leave();
  } finally {
    await browser.stop();
    await coordinator.stop();
    front.stop();
  }
});

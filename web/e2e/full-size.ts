// A contribution of Ethereum's sizes. TAULINE_WORKERS=N computes with so many workers instead of one a core.

import assert from "node:assert/strict";
import { cpus, loadavg } from "node:os";
import { test } from "node:test";
import { allProven, Browser, Person, waitForText } from "./browser";
import { Coordinator } from "./coordinator";
import { Front } from "./front";

const workers = Number(process.env.TAULINE_WORKERS ?? 0);

test("a contribution of full size", { timeout: 400_000 }, async () => {
  const front = await Front.start();
  const coordinator = await Coordinator.start(front, ["--signin", "invite"]);
  const browser = await Browser.start();
  try {
    const person = await Person.at(front, browser, "/about");
    const { page } = person;
    if (workers > 0) {
      await page.evaluateOnNewDocument((count) => {
        Object.defineProperty(navigator, "hardwareConcurrency", { get: () => count });
      }, workers);
    }
    await page.goto(`${front.url}/take-part`);
    await person.join("alice");
    const began = performance.now();
    await waitForText(page, "It counted.", 300_000);
    const seconds = (performance.now() - began) / 1000;
    await waitForText(page, "bound to exactly what this page has sent", 60_000);
    const { own } = JSON.parse((await page.evaluate(() => localStorage.getItem("tauline.done")))!) as {
      own: { times: Record<"download" | "compute" | "upload", number> };
    };
    const steps = Object.entries(own.times).map(([step, ms]) => `${step} ${(ms / 1000).toFixed(1)}`);
    const load = loadavg().map((it) => it.toFixed(1));
    console.log(
      `full size, ${workers || cpus().length} workers on ${cpus().length} cores: ${seconds.toFixed(1)} s from joining to the receipt ` +
        `(${steps.join(", ")}); load ${load.join(" ")}`,
    );
    await allProven(page, 6);
    assert.deepEqual(await coordinator.participants(), ["invite|alice"]);
    await person.leave();
  } finally {
    await browser.stop();
    await coordinator.stop();
    front.stop();
  }
});

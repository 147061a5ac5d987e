// What takes long, and runs only when it is asked for:
//   TAULINE_FULL=1              a contribution of Ethereum's sizes (TAULINE_WORKERS=N workers)
//   TAULINE_HIDDEN_MINUTES=10   a tab hidden for so long, which keeps its place and contributes

import assert from "node:assert/strict";
import { test } from "node:test";
import { browse, Coordinator, Front, joinAs, Other, sleep, waitForText } from "./harness";

const full = process.env.TAULINE_FULL === "1";
const minutes = Number(process.env.TAULINE_HIDDEN_MINUTES ?? 0);
const workers = Number(process.env.TAULINE_WORKERS ?? 0);

test("a contribution of full size", { skip: !full, timeout: 300_000 }, async () => {
  const front = await Front.start();
  const coordinator = await Coordinator.start(front, ["--signin", "invite"]);
  const browser = await browse();
  try {
    const page = await browser.newPage();
    page.on("dialog", (dialog) => void dialog.accept());
  // esbuild names functions by a helper, which a page does not have.
  await page.evaluateOnNewDocument("window.__name = (named) => named");
    if (workers > 0) {
      await page.evaluateOnNewDocument((count) => {
        Object.defineProperty(navigator, "hardwareConcurrency", { get: () => count });
      }, workers);
    }
    await page.goto(`${front.url}/take-part`);
    await joinAs(page, "alice");
    const began = Date.now();
    await waitForText(page, "You are contributor 1.", 240_000);
    console.log(`full size: ${(Date.now() - began) / 1000} s from joining to the number`);
    console.log(await page.evaluate(() => localStorage.getItem("tauline.done")?.match(/"times":\{[^}]*\}/)?.[0]));
    await waitForText(page, "bound to exactly what this page has sent");
    assert.equal(await page.$$eval(".checks .bad", (all) => all.length), 0);
  } finally {
    await browser.close();
    await coordinator.stop();
    front.stop();
  }
});

test("a hidden tab keeps its place and contributes", { skip: minutes === 0, timeout: (minutes + 3) * 60_000 }, async () => {
  const front = await Front.start();
  const settings = ["--ceremony", "64:4,128:4", "--signin", "invite", "--contribution-limit", String(minutes * 60 + 120)];
  const coordinator = await Coordinator.start(front, settings);
  // Intensive throttling, which begins after five minutes by itself.
  const browser = await browse(["--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10"]);
  try {
    const bob = await Other.join(front.url, "bob");
    await bob.start();
    const page = await browser.newPage();
    page.on("dialog", (dialog) => void dialog.accept());
  // esbuild names functions by a helper, which a page does not have.
  await page.evaluateOnNewDocument("window.__name = (named) => named");
    const checkIns: number[] = [];
    await page.goto(`${front.url}/take-part`);
    await joinAs(page, "alice");
    await waitForText(page, "You are next.");
    // How seldom a timer of the page itself runs, for comparison.
    await page.evaluate(() => {
      const ticks: number[] = ((window as unknown as { ticks: number[] }).ticks = []);
      const tick = () => {
        ticks.push(Date.now());
        setTimeout(() => setTimeout(tick, 100), 100);
      };
      tick();
    });
    front.onRequest = (path) => {
      if (path.startsWith("/queue/checkin")) checkIns.push(Date.now());
    };
    const other = await browser.newPage();
    await other.goto("about:blank");
    await other.bringToFront();
    await sleep(1000);
    assert.equal(await page.evaluate(() => document.visibilityState), "hidden");
    const hiddenAt = Date.now();
    await sleep(minutes * 60_000);
    const gaps = checkIns.filter((at) => at > hiddenAt).map((at, i, all) => (i === 0 ? 0 : at - all[i - 1]!));
    const ticks = await page.evaluate(() => (window as unknown as { ticks: number[] }).ticks);
    const pageGap = Math.max(...ticks.slice(1).map((at, i) => at - ticks[i]!));
    console.log(`${gaps.length} check-ins while hidden, longest gap ${Math.max(...gaps)} ms; the page's own timer: ${pageGap} ms`);
    assert.equal(await page.evaluate(() => document.visibilityState), "hidden");
    await bob.abort();
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const status = (await (await fetch(`${front.url}/ceremony/status`)).json()) as { contributions: number };
      if (status.contributions === 1) break;
      await sleep(500);
    }
    console.log(`accepted ${(Date.now() - hiddenAt) / 1000 - minutes * 60} s after the turn was free, tab ${await page.evaluate(() => document.visibilityState)}`);
    await page.bringToFront();
    await waitForText(page, "You are contributor 1.");
  } finally {
    await browser.close();
    await coordinator.stop();
    front.stop();
  }
});

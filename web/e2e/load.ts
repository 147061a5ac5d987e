// What it costs to load an address with nothing kept: requests, bytes, time.

import type { Browser } from "./browser";

export interface Load {
  requests: number;
  /** As they come over the network. */
  bytes: number;
  /** Until something is seen, in milliseconds. */
  firstPaint: number;
  said: string;
}

/** Loads it once in a profile of its own, and waits until the status is shown. */
export async function load(browser: Browser, url: string): Promise<Load> {
  const context = await browser.chromium.createBrowserContext();
  const page = await context.newPage();
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  let [requests, bytes] = [0, 0];
  session.on("Network.responseReceived", () => (requests += 1));
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("main h1") !== null && !document.querySelector(".state")!.textContent!.includes("connecting"), {
    polling: 20,
  });
  const firstPaint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
  const loaded = { requests, bytes, firstPaint };
  await context.close();
  return { ...loaded, said: `${requests} requests, ${(bytes / 1000).toFixed(1)} kB, first paint after ${firstPaint.toFixed(0)} ms` };
}

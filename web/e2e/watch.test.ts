// Watching large ceremonies, and how much it costs to load the page.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Browser, looksRight, Person, waitForText, waitUntilGone } from "./browser";
import { base, statuses, turns } from "./fixtures";
import { Front } from "./front";
import { load } from "./load";

let front: Front;
let browser: Browser;

before(async () => {
  front = await Front.start();
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  front?.stop();
});

/** What is said in each of the states, beside what tests with a real coordinator reach. */
const SAID: Record<string, RegExp> = {
  watch: /1,043 people have contributed\. Number 1,044 is computing\./,
  "watch-huge": /141,416 people have contributed\..*100,000 people wait; join now and your turn comes in about \d+ to \d+ days/s,
  "watch-planned": /It takes people until/,
};

for (const [name, said] of Object.entries(SAID)) {
  test(`${name}: the sentence, the charts, the figures`, async () => {
    front.status(statuses[name]);
    const watcher = await Person.at(front, browser, "/");
    await waitForText(watcher.page, said);
    await waitForText(watcher.page, "How long turns take");
    await waitForText(watcher.page, "cosigned by 3 of 3 witnesses");
    assert.ok((await watcher.page.$$(".band rect.accepted")).length > 50);
    await looksRight(watcher.page, name);
    await watcher.leave();
  });
}

test("who watches is told when the coordinator is not reached, and when it is again", async () => {
  front.status(statuses["watch"]);
  const watcher = await Person.at(front, browser, "/");
  await waitForText(watcher.page, "1,043 people have contributed.");
  front.breakDown();
  await waitForText(watcher.page, "The coordinator cannot be reached. What you see is from");
  await waitForText(watcher.page, "1,043 people have contributed.");
  await looksRight(watcher.page, "watching without a connection");
  front.down = false;
  await waitUntilGone(watcher.page, "The coordinator cannot be reached.");
  await watcher.leave();
});

test("a path where there is nothing says so", async () => {
  const watcher = await Person.at(front, browser, "/about");
  await watcher.page.evaluate(() => {
    history.pushState(null, "", "/nowhere");
    dispatchEvent(new PopStateEvent("popstate"));
  });
  await waitForText(watcher.page, "There is nothing here.");
  await looksRight(watcher.page, "nothing here");
  await watcher.leave();
});

test("the page is small, and that of 141,416 contributions loads as that of ten does", async () => {
  const dist = new URL("../dist/", import.meta.url);
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((name) => /\.\w+$/.test(name));
  const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, dist))).length, 0);
  assert.ok(bytes < 300_000, `${bytes} bytes in all, compressed`);

  front.status({ ...base, contributions: 10, recent: turns(10, 10) });
  const small = await load(browser, `${front.url}/`);
  front.status({ ...base, contributions: 141_416, recent: turns(100, 141_416) });
  const large = await load(browser, `${front.url}/`);
  console.log(`all files ${bytes} bytes compressed; the page of ten: ${small.said}; of 141,416: ${large.said}`);
  assert.equal(large.requests, small.requests);
  assert.ok(large.bytes - small.bytes < 20_000, "a hundred turns are told, and no more");
});

// Taking part by the keyboard alone, with everything that is focused visible and named.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { Browser, Person, waitForText } from "./browser";
import { codeOf, Coordinator } from "./coordinator";
import { Front } from "./front";

let front: Front;
let coordinator: Coordinator;
let browser: Browser;

before(async () => {
  front = await Front.start();
  coordinator = await Coordinator.start(front, ["--ceremony", "16:4,32:4", "--signin", "invite"]);
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  await coordinator?.stop();
  front?.stop();
});

/** What has the focus: its name, and whether one can see that it has. */
function focused(page: Page): Promise<{ name: string; visible: boolean }> {
  return page.evaluate(() => {
    const it = document.activeElement as HTMLElement;
    // Behind the last one comes the browser's own frame.
    if (it === document.body) return { name: "", visible: false };
    const label = it.id === "" ? null : document.querySelector(`label[for="${it.id}"]`);
    const name = it.getAttribute("aria-label") ?? label?.textContent ?? it.innerText ?? "";
    const { outlineStyle, outlineWidth } = getComputedStyle(it);
    const { width, height, top, bottom } = it.getBoundingClientRect();
    const inView = width > 0 && height > 0 && bottom > 0 && top < innerHeight;
    return { name: name.trim(), visible: inView && outlineStyle !== "none" && parseFloat(outlineWidth) > 0 };
  });
}

/** Presses Tab until this has the focus. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  const passed: string[] = [];
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press("Tab");
    const { name, visible } = await focused(page);
    passed.push(name);
    if (name !== "") assert.ok(visible, `${name} is focused, and one cannot see it`);
    if (name.includes(wanted)) return;
  }
  throw new Error(`${wanted} is not reached by Tab: ${passed.join(", ")}`);
}

test("from watching to the receipt and the contribution's own page without a mouse", async () => {
  const person = await Person.at(front, browser, "/");
  const { page } = person;
  await waitForText(page, "Nobody has contributed yet.");
  await page.keyboard.press("Tab");
  assert.equal((await focused(page)).name, "To the content");
  await page.keyboard.press("Enter");
  await tabTo(page, "Take part");
  await page.keyboard.press("Enter");
  await waitForText(page, "Your invitation code");
  await tabTo(page, "Your invitation code");
  await page.keyboard.type(codeOf("alice"));
  await page.keyboard.press("Enter");
  await waitForText(page, "You are invite|alice.");
  await tabTo(page, "Type anything");
  await page.keyboard.type("abracadabra");
  await page.waitForSelector("[data-trial]");
  await tabTo(page, "Join the line");
  await page.keyboard.press("Enter");
  await waitForText(page, "You are contributor 1.", 60_000);
  await tabTo(page, "Download your receipt");
  await tabTo(page, "See your contribution");
  await page.keyboard.press("Enter");
  await waitForText(page, "Verify it here");
  await tabTo(page, "Verify it here");
  await page.keyboard.press("Enter");
  await waitForText(page, "Part 2: the contributor's key has signed the name");
  await person.leave();
});

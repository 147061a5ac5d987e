// Signing in: by invitation and by GitHub, and who may not is told why.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, clickText, looksRight, Person, waitForText, waitUntilGone } from "./browser";
import { codeOf, Coordinator, Other, Provider } from "./coordinator";
import { Front } from "./front";

let front: Front;
let provider: Provider;
let coordinator: Coordinator;
let browser: Browser;

before(async () => {
  front = await Front.start();
  provider = await Provider.start();
  const settings = ["--ceremony", "16:4,32:4", "--signin", "invite,github", ...provider.settings];
  coordinator = await Coordinator.start(front, settings);
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  await coordinator?.stop();
  provider?.stop();
  front?.stop();
});

test("a wrong invitation is said, a right one signs in, and one can sign out", async () => {
  const person = await Person.at(front, browser, "/take-part");
  const { page } = person;
  await page.waitForSelector("#invite");
  await looksRight(page, "sign in");
  await page.type("#invite", "wrong code");
  await clickText(page, "Sign in with the code");
  await waitForText(page, "This invitation is not known here.");
  await looksRight(page, "a wrong code");
  await page.$eval("#invite", (it) => ((it as HTMLInputElement).value = ""));
  await person.signIn("alice");
  await waitForText(page, "You are invite|alice.");
  await looksRight(page, "signed in");
  await clickText(page, "Not you? Sign out");
  await page.waitForSelector("#invite");
  await person.leave();
});

test("a GitHub account signs in, comes back without its session in the address, and contributes", async () => {
  const person = await Person.at(front, browser, "/take-part");
  const { page } = person;
  await clickText(page, "Sign in with GitHub");
  await waitForText(page, "You are git|583231|OctoCat.");
  assert.equal(page.url(), `${front.url}/take-part`);
  assert.ok(!(await page.evaluate(() => JSON.stringify(history.state) + location.href)).includes("session"));
  await person.joinLine();
  await waitForText(page, "You are contributor 1.", 60_000);
  assert.deepEqual(await coordinator.participants(), ["git|583231|OctoCat"]);
  await person.leave();
});

test("a GitHub account that is too new is told so, and whoever declines may try again", async () => {
  const person = await Person.at(front, browser, "/take-part");
  const { page } = person;
  provider.user = { id: 99, login: "Newcomer", created_at: "2026-05-01T00:00:00Z", type: "User", name: null };
  await clickText(page, "Sign in with GitHub");
  await waitForText(page, "accounts made up to 2022-08-01T00:00:00Z take part.");
  await looksRight(page, "a GitHub account that may not take part");
  provider.declines = true;
  await clickText(page, "Sign in with GitHub");
  await waitForText(page, "The identity provider does not take this code, or nobody agreed to it: sign in again.");
  assert.equal(page.url(), `${front.url}/take-part`);
  await person.leave();
});

test("a session that ends while somebody waits: signing in again keeps the place", async () => {
  const bob = await Other.block(front.url, "bob");
  const person = await Person.at(front, browser, "/take-part");
  const { page } = person;
  await person.join("carol");
  await waitForText(page, "You are next.");
  front.json("/queue/checkin", { code: "Session::Unknown", error: "the session is not known" }, 401);
  // The check-in that the coordinator holds is let go of, so that there is another.
  front.breakDown();
  front.down = false;
  await waitForText(page, "Your session has ended; your place is kept for now.");
  await looksRight(page, "a session has ended");
  front.fakes.delete("/queue/checkin");
  await page.type("#invite", codeOf("carol"));
  await clickText(page, "Sign in with the code");
  await waitUntilGone(page, "Your session has ended");
  await waitForText(page, "You are next.");
  await bob.abort();
  await waitForText(page, "You are contributor 2.", 60_000);
  await person.leave();
});

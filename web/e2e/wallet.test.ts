// Signing in with a wallet that has a real key, and signing the contribution with it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, clickText, looksRight, Person, waitForText } from "./browser";
import { Coordinator, ethereumNode, Other } from "./coordinator";
import { Front } from "./front";
import { TestWallet } from "./wallet";

let front: Front;
let coordinator: Coordinator;
let browser: Browser;

before(async () => {
  front = await Front.start();
  coordinator = await Coordinator.start(front, ["--ceremony", "16:4,32:4", "--signin", "siwe,invite"]);
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  await coordinator?.stop();
  front?.stop();
});

test("a wallet signs in, signs the contribution before the turn, and both are in the transcript", async () => {
  const bob = await Other.block(front.url, "bob");
  const wallet = new TestWallet();
  const person = await Person.at(front, browser, "/");
  const { page } = person;
  await wallet.injectInto(page, "announced");
  await page.goto(`${front.url}/take-part`);
  wallet.declines = true;
  await clickText(page, "Sign in with Testwallet");
  await waitForText(page, "You declined. You can try again.");
  await looksRight(page, "the wallet declined");
  wallet.declines = false;
  await clickText(page, "Sign in with Testwallet");
  await waitForText(page, `You are ${wallet.identity}`);
  await person.joinLine();
  await waitForText(page, "You are next.");
  await looksRight(page, "asked for a second signature");
  await clickText(page, "Sign with the wallet");
  await waitForText(page, "Signed.");
  const before = wallet.asked.length;
  await bob.abort();
  await waitForText(page, "You are contributor 1.", 60_000);
  assert.equal(wallet.asked.length, before, "no turn waits for a wallet");
  const transcript = (await (await fetch(`${front.url}/ceremony/transcript`)).json()) as {
    participantIds: string[];
    participantEcdsaSignatures: string[];
  };
  assert.equal(transcript.participantIds[1], wallet.identity);
  // The coordinator keeps only a signature that recovers to the account.
  assert.match(transcript.participantEcdsaSignatures[1]!, /^0x[0-9a-f]{130}$/);
  await waitForText(page, "bound to exactly what this page has sent");
  assert.equal(await page.$$eval(".checks .bad", (all) => all.length), 0);
  await person.leave();
});

test("an older wallet does, too, and the second signature may be left out", async () => {
  const wallet = new TestWallet();
  const person = await Person.at(front, browser, "/");
  await wallet.injectInto(person.page, "older");
  await person.page.goto(`${front.url}/take-part`);
  await clickText(person.page, "Sign in with Ethereum");
  await waitForText(person.page, `You are ${wallet.identity}`);
  await person.joinLine();
  await waitForText(person.page, "You are contributor 2.", 60_000);
  assert.deepEqual(wallet.asked, ["eth_requestAccounts", "personal_sign"]);
  await person.leave();
});

test("an account that has sent too little is told so before it waits", async () => {
  const node = await ethereumNode(1);
  const strictFront = await front.another();
  const strict = await coordinator.another(strictFront, ["--ceremony", "16:4", "--signin", "siwe", "--eth-rpc-url", node.url]);
  await strict.run();
  const wallet = new TestWallet();
  const person = await Person.at(strictFront, browser, "/");
  await wallet.injectInto(person.page, "announced");
  await person.page.goto(`${strictFront.url}/take-part`);
  await clickText(person.page, "Sign in with Testwallet");
  await waitForText(person.page, "transactions");
  await looksRight(person.page, "an account that may not take part");
  await person.leave();
  await strict.end();
  node.stop();
});

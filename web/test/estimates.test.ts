import assert from "node:assert/strict";
import { test } from "node:test";
import { buckets, endOf, perHour, waitRange } from "../src/estimates";
import type { Turn } from "../src/protocol";
import { siweMessage } from "../src/wallet";

const turn = (turnInMs: number, endedAt = 0): Turn => ({ ticket: 1, ended: "contributed", endedAt, turnInMs });

test("a wait is a range around what is expected, narrower where turns are alike", () => {
  const alike = Array.from({ length: 50 }, () => turn(30_000));
  const unlike = Array.from({ length: 50 }, (_, i) => turn(i % 2 ? 5_000 : 55_000));
  const [low, high] = waitRange(600_000, 30_000, alike);
  assert.ok(low < 600_000 && high > 600_000);
  const [lower, higher] = waitRange(600_000, 30_000, unlike);
  assert.ok(higher - lower > high - low);
  assert.deepEqual(waitRange(0, 30_000, alike), [0, 0]);
  assert.ok(waitRange(10_000, 60_000, [])[0] >= 0);
});

test("of 100,000 who wait the range is narrow", () => {
  const alike = Array.from({ length: 100 }, (_, i) => turn(20_000 + 200 * i));
  const [low, high] = waitRange(100_000 * 30_000, 30_000, alike);
  assert.ok(high / low < 1.01);
});

test("turns an hour", () => {
  const now = 1_000_000;
  const often = Array.from({ length: 100 }, (_, i) => turn(30_000, now - (99 - i) * 36));
  assert.equal(perHour(often, 30_000, now), 100);
  const day = Array.from({ length: 100 }, (_, i) => turn(30_000, now - (99 - i) * 720));
  assert.equal(perHour(day, 30_000, now), 5);
  assert.equal(perHour([], 60_000, now), 60);
});

test("lengths fall into buckets of round numbers", () => {
  const all = buckets([turn(1), turn(999), turn(1000), turn(11_999)]);
  assert.deepEqual(all.map((it) => it.total), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.deepEqual(buckets([]), []);
});

test("every end has one of four words", () => {
  assert.equal(endOf("contributed"), "accepted");
  assert.equal(endOf("stalled"), "gone");
  assert.equal(endOf("invalid"), "refused");
  assert.equal(endOf("coordinatorFault"), "fault");
});

test("the sign-in message has the form of EIP-4361", () => {
  const nonce = { nonce: "kEWepMt9knR6lWJ6A", domain: "127.0.0.1:3000", uri: "http://127.0.0.1:3000", chainId: 1, expiresAt: 0, expiresInMs: 0 };
  const message = siweMessage(nonce, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", new Date(0));
  assert.equal(
    message,
    "127.0.0.1:3000 wants you to sign in with your Ethereum account:\n0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n\n" +
      "I take part in this ceremony.\n\nURI: http://127.0.0.1:3000\nVersion: 1\nChain ID: 1\nNonce: kEWepMt9knR6lWJ6A\n" +
      "Issued At: 1970-01-01T00:00:00.000Z",
  );
});

// When a page lets itself be heard: the cases that our other client is tested by, too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hurry, positionNow, rest, toldAt, turnsSince, type Told } from "../src/rhythm";

interface Cases {
  next: (Told & { what: string; lateMs: number; chance: number; restMs: number | null })[];
  hurry: { what: string; position: number; gone: number; inMs: number | null }[];
}

const file = new URL("../../crates/queue-core/tests/rhythm/cases.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as Cases;

test("each case is decided as written", () => {
  assert.ok(cases.next.length > 10 && cases.hurry.length > 5);
  for (const { what, lateMs, chance, restMs, ...told } of cases.next) {
    assert.equal(rest(told, lateMs, chance), restMs, what);
  }
  for (const { what, position, gone, inMs } of cases.hurry) assert.equal(hurry(position, gone), inMs, what);
});

test("two tries may be lost before any deadline, and a timer may be late", () => {
  for (const late of [0, 15_000, 60_000]) {
    for (let seconds = 1; seconds < 4000; seconds++) {
      const told = { position: 1_000_000, deadlineInMs: seconds * 1000, startInMs: 1e12 };
      const rests = rest(told, late, 0);
      // An answer is waited for for 6 s; the pauses are 0.5 and 1 s, the grace is 5.
      if (rests !== null) assert.ok(rests + late + 2 * 6000 + 1500 < (seconds + 5) * 1000, `${seconds} s`);
    }
  }
});

test("a position that was told a while ago moves on with the turns", () => {
  assert.equal(toldAt({ nextCheckinTime: 1_790_000_030, nextCheckinInMs: 29_500 }), 1_790_000_001);
  assert.equal(turnsSince([1, 5, 6, 6, 9], 5), 3);
  assert.equal(positionNow(417, 3), 414);
  assert.equal(positionNow(31, 5), 30);
  assert.equal(positionNow(4, 2), 4);
});

// The latest turns, as they are told by the stream of events.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Turn } from "../src/protocol";
import { withTurns } from "../src/turns";

const turns = (from: number, to: number): Turn[] =>
  Array.from({ length: to - from }, (_, i) => ({ ticket: from + i, ended: "contributed", endedAt: 0, turnInMs: 1 }));
const tickets = (all: Turn[]) => all.map((it) => it.ticket);

test("new turns come after those that are known, and none twice", () => {
  const first = withTurns([], turns(1, 4));
  assert.deepEqual(tickets(first), [1, 2, 3]);
  assert.equal(withTurns(first, []), first);
  assert.deepEqual(tickets(withTurns(first, turns(4, 5))), [1, 2, 3, 4]);
  // After a break all of them are told again.
  assert.deepEqual(tickets(withTurns(first, turns(2, 6))), [1, 2, 3, 4, 5]);
});

test("the latest hundred are kept", () => {
  const all = withTurns(turns(1, 101), turns(101, 104));
  assert.equal(all.length, 100);
  assert.deepEqual([all[0]!.ticket, all[99]!.ticket], [4, 103]);
  assert.deepEqual(tickets(withTurns(turns(1, 101), turns(500, 600))), tickets(turns(500, 600)));
});

// The latest turns, put together from what the coordinator tells bit by bit.

import type { Turn } from "./protocol";

/** Turns that are drawn. */
const MOST = 100;

/** Known turns with those that were told since. Some may be told again. */
export function withTurns(known: Turn[], told: Turn[]): Turn[] {
  const tickets = new Set(known.map((it) => it.ticket));
  const fresh = told.filter((it) => !tickets.has(it.ticket));
  return fresh.length === 0 ? known : [...known, ...fresh].slice(-MOST);
}

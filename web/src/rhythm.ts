// When a page in line lets itself be heard: as late as is safe far back, by check-ins that are held near
// the turn. The same as crates/queue-core/src/rhythm.rs, and tested by the same cases.

/** The first so many in line hold their check-ins. */
export const NEAR_TURN = 30;

/** Who expects the turn within so long does, too. All times are in milliseconds. */
const SOON = 120_000;
/** How long before the deadline one is heard of at the latest: time for two tries without an answer, and a third. */
const TRIES = 10_000;
/** A shorter rest asks no less than check-ins that are held. */
const SHORTEST_REST = 12_000;

/** What was told last. */
export interface Told {
  position: number;
  deadlineInMs: number;
  startInMs: number;
}

/**
 * How long to rest before the next check-in, or null if it is made at once and held. `late` is how late timers may
 * be here; `chance` is drawn anew each time, from 0 to 1,000, so that those who came together come apart.
 */
export function rest({ position, deadlineInMs, startInMs }: Told, late: number, chance: number): number | null {
  if (position <= NEAR_TURN || startInMs <= SOON) return null;
  const fifth = Math.floor(deadlineInMs / 5);
  const longest = deadlineInMs - Math.max(fifth, TRIES + late);
  if (longest - fifth < SHORTEST_REST) return null;
  return longest - Math.floor((fifth * Math.min(chance, 1000)) / 1000);
}

/**
 * How soon to check in nonetheless, since so many may have gone who were ahead; null to go on resting. When many go at
 * once, those in front ask first, and all together a thousand a second.
 */
export function hurry(position: number, gone: number): number | null {
  const keptAway = Math.max(0, position - NEAR_TURN);
  return gone > 0 && gone * 2 >= keptAway ? position : null;
}

/** The line, as the ceremony's public stream tells it to everybody. */
export interface Line {
  inLine: number;
  /** When the latest turns ended, in Unix seconds by the coordinator's clock. */
  ended: number[];
}

/** How many turns ended since then, by the coordinator's clock. */
export const turnsSince = (ended: number[], unixSeconds: number): number =>
  ended.filter((at) => at > unixSeconds).length;

/** When an answer was given, by the coordinator's clock. */
export function toldAt(queue: { nextCheckinTime: number | null; nextCheckinInMs: number | null }): number {
  return (queue.nextCheckinTime ?? 0) - Math.floor((queue.nextCheckinInMs ?? 0) / 1000);
}

/**
 * A position as it is after the turns that have ended since it was told. Who left the line ahead without a turn is
 * not counted, so it is that or a smaller one.
 */
export function positionNow(told: number, turns: number): number {
  return told <= NEAR_TURN ? told : Math.max(NEAR_TURN, told - turns);
}

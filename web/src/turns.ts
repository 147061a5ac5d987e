// The latest turns, as the public log tells them: for coordinators that do not tell them by
// themselves. The log names nobody, so these turns have no identities.

import { ask, type Ended, type Turn } from "./protocol";
import { readEntry, type Entry, tileNumber } from "./log-lines";

const ENDED: Record<string, Ended> = {
  Contributed: "contributed",
  MissedCheckIn: "missedCheckin",
  FailedToStart: "failedToStart",
  TimedOut: "timedOut",
  Stalled: "stalled",
  Invalid: "invalid",
  Aborted: "aborted",
  Left: "left",
  Expelled: "expelled",
  CoordinatorFault: "coordinatorFault",
};

/** The turns among these entries of the log. A stay that ends in line is no turn. */
export function turnsOf(entries: Entry[]): Turn[] {
  const called = new Map<number, number>();
  const turns: Turn[] = [];
  for (const { at, queue, accepted } of entries) {
    const call = queue?.["Called"]?.ticket;
    if (call !== undefined) called.set(call, at);
    const end = queue?.["Ended"];
    if (end?.ticket === undefined) continue;
    const since = called.get(end.ticket);
    if (since === undefined) continue;
    called.delete(end.ticket);
    turns.push({
      ticket: end.ticket,
      ended: ENDED[end.outcome ?? ""] ?? "aborted",
      endedAt: Math.floor(at / 1000),
      turnInMs: at - since,
      ...(accepted === undefined ? {} : { number: accepted.number }),
    });
  }
  return turns;
}

const WIDTH = 256;

/** Reads the end of the log again and again, each full bundle once. */
export class LogTurns {
  private readonly full = new Map<number, Entry[]>();
  private size = -1;
  private last: Turn[] = [];

  /** The latest turns, at most `most`. */
  async read(most = 100, bundles = 4): Promise<Turn[]> {
    const checkpoint = await (await ask("/log/checkpoint")).text();
    const size = Number(checkpoint.split("\n")[1]);
    if (!Number.isSafeInteger(size)) return this.last;
    if (size === this.size) return this.last;
    const end = Math.ceil(size / WIDTH);
    const entries: Entry[] = [];
    for (let index = Math.max(0, end - bundles); index < end; index++) {
      entries.push(...(await this.bundle(index, Math.min(WIDTH, size - index * WIDTH))));
    }
    this.size = size;
    this.last = turnsOf(entries).slice(-most);
    return this.last;
  }

  private async bundle(index: number, width: number): Promise<Entry[]> {
    const known = this.full.get(index);
    if (known !== undefined) return known;
    const partial = width < WIDTH ? `.p/${width}` : "";
    const answer = await ask(`/log/tile/entries/${tileNumber(index)}${partial}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const entries: Entry[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes[at]! * 256 + bytes[at + 1]!;
      entries.push(readEntry(bytes.subarray(at + 2, at + 2 + length)));
      at += 2 + length;
    }
    if (partial === "") this.full.set(index, entries);
    return entries;
  }
}

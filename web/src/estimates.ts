// Waiting times as ranges, from how long recent turns were.

import type { Ended, Turn } from "./protocol";

export type End = "accepted" | "gone" | "refused" | "fault";

/** What became of a turn, in four words. */
export function endOf(ended: Ended): End {
  switch (ended) {
    case "contributed":
      return "accepted";
    case "invalid":
    case "expelled":
      return "refused";
    case "coordinatorFault":
      return "fault";
    default:
      return "gone";
  }
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The range within which a wait ends, four times in five. `turns` turns come before, which are
 * expected to take `expectedMs` together; how far they scatter is known from recent ones.
 */
export function waitRange(expectedMs: number, meanTurnMs: number, recent: Turn[]): [low: number, high: number] {
  if (expectedMs <= 0) return [0, 0];
  const turns = Math.max(1, expectedMs / Math.max(1, meanTurnMs));
  const lengths = recent.map((it) => it.turnInMs);
  let deviation = meanTurnMs * 0.6;
  if (lengths.length >= 5) {
    const mean = lengths.reduce((sum, it) => sum + it, 0) / lengths.length;
    const variance = lengths.reduce((sum, it) => sum + (it - mean) ** 2, 0) / (lengths.length - 1);
    // A few turns know little of how rare the long ones are.
    deviation = Math.max(Math.sqrt(variance), mean * 0.15);
  }
  const spread = 1.3 * deviation * Math.sqrt(turns);
  return [Math.max(0, expectedMs - spread), expectedMs + spread];
}

/** Turns an hour: those that ended in the last hour, or what recent ones come to. */
export function perHour(recent: Turn[], meanTurnMs: number, nowSeconds: number): number {
  const inHour = recent.filter((it) => it.endedAt > nowSeconds - 3600).length;
  if (inHour > 0 && inHour < recent.length) return inHour;
  const first = recent[0];
  const last = recent.at(-1);
  if (recent.length >= 20 && first && last && last.endedAt > first.endedAt) {
    return Math.round(((recent.length - 1) * 3600) / (last.endedAt - first.endedAt));
  }
  return recent.length > 0 ? inHour : Math.round(3_600_000 / Math.max(1, meanTurnMs));
}

export interface Bucket {
  low: number;
  high: number;
  counts: Record<End, number>;
  total: number;
}

/** Lengths of turns in buckets of one width, a round number of seconds. */
export function buckets(recent: Turn[], most = 12): Bucket[] {
  if (recent.length === 0) return [];
  const longest = Math.max(...recent.map((it) => it.turnInMs));
  const steps = [100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000];
  const width = steps.find((it) => longest / it <= most) ?? 1_200_000;
  const all = Array.from({ length: Math.floor(longest / width) + 1 }, (_, i) => ({
    low: i * width,
    high: (i + 1) * width,
    counts: { accepted: 0, gone: 0, refused: 0, fault: 0 },
    total: 0,
  }));
  for (const turn of recent) {
    const bucket = all[Math.floor(turn.turnInMs / width)]!;
    bucket.counts[endOf(turn.ended)] += 1;
    bucket.total += 1;
  }
  return all;
}

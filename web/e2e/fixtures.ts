// Statuses of ceremonies that would take days to hold, for what is shown of them.

const WAYS = ["missedCheckin", "contributed", "timedOut", "invalid"] as const;

/** Made-up turns that look like a ceremony's, the newest last. */
export function turns(count: number, contributions: number): object[] {
  let random = 7;
  const next = () => (random = (random * 16807) % 2147483647) / 2147483647;
  let number = contributions;
  const now = Math.floor(Date.now() / 1000);
  const made = Array.from({ length: count }, (_, i) => {
    const ended = next() < 0.93 ? "contributed" : i === 40 ? "coordinatorFault" : WAYS[Math.floor(next() * 4)]!;
    const gone = ended === "timedOut" || ended === "missedCheckin";
    const turnInMs = Math.round(gone ? 60_000 + next() * 110_000 : 18_000 + next() ** 3 * 60_000);
    const hex = () => Math.floor(next() * 16).toString(16);
    const identity = next() < 0.7 ? `eth|0x${Array.from({ length: 40 }, hex).join("")}` : "git|583231|OctoCat";
    const accepted = ended === "contributed" ? { number: number--, identity } : {};
    return { ticket: 2000 - i, ended, endedAt: now - 12 - i * 41, turnInMs, ...accepted };
  });
  return made.reverse();
}

/** What somebody is told who stands so far back in a line that would take days to hold. */
export function standing(name: string, position: number, deadlineInMs: number): object {
  const now = Math.floor(Date.now() / 1000);
  return {
    id: `invite|${name}`,
    ticket: 7042,
    queueStatus: "queued",
    queuePosition: position,
    passed: 0,
    otherClients: 0,
    mode: "open",
    expectedStartTime: now + position * 40,
    expectedStartInMs: position * 40_000,
    nextCheckinTime: now + Math.floor(deadlineInMs / 1000),
    nextCheckinInMs: deadlineInMs,
    ended: null,
    receipt: null,
  };
}

const now = Math.floor(Date.now() / 1000);

export const base = {
  mode: "open",
  queueLength: 17,
  contributions: 1043,
  turn: { ticket: 1061, phase: "contributing", ageInMs: 23_000 },
  meanTurnInMs: 38_000,
  contributionLimitInMs: 180_000,
  expectedWaitInMs: 690_000,
  expectedStartTime: 0,
  subCeremonies: [4096, 8192, 16384, 32768].map((it) => ({ numG1Powers: it, numG2Powers: 65 })),
  signIn: ["invite", "siwe", "github"],
  coordinatorAddress: "0x668847EF9A7a6792a012CAc724515c0a3Fa9B451",
  log: { records: 5391, hash: `0x${"5a".repeat(32)}`, cosigned: { by: 3, of: 3 } },
  time: now,
  name: "Spring Ceremony 2027",
};

export const statuses: Record<string, object> = {
  watch: { ...base, recent: turns(100, 1043) },
  "watch-empty": { ...base, contributions: 0, queueLength: 0, turn: null, expectedWaitInMs: 0, recent: [], log: { ...base.log, records: 2 } },
  "watch-three": {
    ...base,
    contributions: 3,
    queueLength: 0,
    turn: null,
    expectedWaitInMs: 0,
    recent: turns(3, 3),
    log: { records: 17, hash: base.log.hash },
  },
  "watch-huge": { ...base, contributions: 141_416, queueLength: 100_000, expectedWaitInMs: 100_000 * 38_000, recent: turns(100, 141_416) },
  "watch-paused": { ...base, mode: "halted", recent: turns(100, 1043) },
  "watch-draining": { ...base, mode: "draining", turn: { ...base.turn, phase: "verifying" }, recent: turns(100, 1043) },
  "watch-planned": { ...base, recent: turns(100, 1043), planned: { drains: now + 90_000 } },
  "watch-before": {
    ...base,
    mode: "halted",
    contributions: 0,
    queueLength: 0,
    turn: null,
    recent: [],
    planned: { opens: now + 90_000 },
    log: { ...base.log, records: 2 },
  },
  "watch-ended": { ...base, mode: "halted", queueLength: 0, turn: null, recent: turns(100, 1043) },
};

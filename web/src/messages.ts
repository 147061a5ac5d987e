// What the page and its workers tell one another.

import type { MovedTo, QueueStatus, SignedReceipt, SignedRefusal, SubCeremony } from "./protocol";
import type { Wrong } from "./blst";
import type { Line } from "./rhythm";
import type { Bytes } from "./bytes";

/** To a worker that multiplies. */
export type Job =
  | { kind: "trial"; ms: number }
  | { kind: "multiply"; id: number; group: "g1" | "g2"; compressed: boolean; scalars: Bytes; points: Bytes }
  | { kind: "check" }
  | { kind: "wipe" };

/** From a worker that multiplies. */
export type JobNews =
  | { kind: "ready" }
  | { kind: "trial"; g1Ms: number; g2Ms: number }
  | { kind: "progress"; id: number; points: number }
  | { kind: "done"; id: number; points: Bytes }
  | { kind: "checked" }
  | { kind: "wrong"; wrong: Wrong | "crashed" };

/** To the worker that lives the participant's life. */
export type Order =
  | { kind: "setup"; module: WebAssembly.Module; ports: MessagePort[]; sizes: SubCeremony[] }
  | { kind: "trial" }
  /** Draws the secrets. `extra` is a digest of what the person typed and moved. */
  | { kind: "draw"; identity: string; extra: Bytes }
  | { kind: "ecdsa"; signature: Bytes | null }
  /** Joins, or takes the place up again. Whoever does not act only watches the own place. */
  | { kind: "live"; token: string; acts: boolean }
  | { kind: "act" }
  | { kind: "token"; token: string }
  /** What the public stream says of the line, or that it lives; and whether anybody sees the page. */
  | { kind: "line"; line: Line; hidden: boolean; at: number }
  | { kind: "leave" };

export type Step = "download" | "check" | "compute" | "upload" | "verify";

export interface Progress {
  step: Step;
  /** From 0 to 1. */
  done: number;
  /** The same of each sub-ceremony, while computing. */
  subs: number[];
  /** The time that is left for the step, by how it went so far. */
  leftMs: number | null;
}

/** Why there will be no receipt from this life. */
export type Failure =
  | { why: "refused"; status: number; code: string; text: string; signed?: SignedRefusal; movedTo?: MovedTo }
  | { why: "badBase"; wrong: string }
  | { why: "tooLarge"; bytes: number }
  | { why: "computation"; text: string }
  | { why: "otherIdentity"; id: string };

/** From that worker. */
export type LifeNews =
  | { kind: "ready"; workers: number }
  | { kind: "trial"; g1Ms: number; workers: number; seconds: number }
  | { kind: "drawn"; publicKeys: string[] }
  | { kind: "status"; status: QueueStatus; at: number }
  | { kind: "paused" }
  | { kind: "progress"; progress: Progress }
  | { kind: "trouble"; text: string; keptUntil: number | null }
  | { kind: "recovered" }
  | { kind: "session" }
  | { kind: "over"; status: QueueStatus }
  | { kind: "accepted"; receipt: SignedReceipt; warnings: string[]; own: OwnWork | null; ticket: number | null; number: number | null }
  | { kind: "failed"; failure: Failure };

/** What this page computed, by which the receipt and the log's entry are checked. Nothing secret. */
export interface OwnWork {
  publicKeys: string[];
  runningProducts: string[];
  signatures: string[];
  ecdsa: string;
  /** Milliseconds of each step. */
  times: { download: number; compute: number; upload: number };
}

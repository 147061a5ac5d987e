// The page's one state. Whoever shows something of it is told when it changes.

import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Failure, OwnWork, Progress } from "./messages";
import type { CeremonyStatus, LoginAnswer, QueueStatus, SignedReceipt, Turn } from "./protocol";

export interface Trial {
  seconds: number;
  workers: number;
  g1Ms: number;
}

export interface Done {
  receipt: SignedReceipt;
  warnings: string[];
  own: OwnWork | null;
  ticket: number | null;
  identity: string;
  number: number | null;
}

/** Where this participant stands. */
export type Stage =
  | { at: "out" }
  /** Signed in, not yet in line. */
  | { at: "ready" }
  | { at: "joining"; paused: boolean }
  | { at: "in" }
  | { at: "done"; done: Done }
  | { at: "over"; status: QueueStatus }
  | { at: "failed"; failure: Failure };

export interface Session extends LoginAnswer {
  /** How one signed in, for what only a wallet can do. */
  way: "invite" | "siwe" | "redirect";
}

export interface State {
  path: string;
  status: CeremonyStatus | null;
  /** When that came, by this computer's clock. */
  statusAt: number;
  /** Since when the coordinator was not reached, for watching. */
  lostSince: number | null;
  turns: Turn[];
  stage: Stage;
  session: Session | null;
  /** A session has ended while a place is held. */
  signInAgain: boolean;
  queue: QueueStatus | null;
  queueAt: number;
  progress: Progress | null;
  trouble: { text: string; keptUntil: number | null } | null;
  acts: boolean;
  trial: Trial | null;
  trialFailed: string | null;
  events: number;
  publicKeys: string[] | null;
  ecdsa: boolean;
  notifies: boolean;
  /** What a redirect said that went wrong. */
  redirectError: string | null;
}

export const state: State = {
  path: location.pathname,
  status: null,
  statusAt: 0,
  lostSince: null,
  turns: [],
  stage: { at: "out" },
  session: null,
  signInAgain: false,
  queue: null,
  queueAt: 0,
  progress: null,
  trouble: null,
  acts: true,
  trial: null,
  trialFailed: null,
  events: 0,
  publicKeys: null,
  ecdsa: false,
  notifies: false,
  redirectError: null,
};

const listeners = new Set<() => void>();
let scheduled = false;

export function set(change: Partial<State>): void {
  Object.assign(state, change);
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    for (const listener of listeners) listener();
  });
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useStore(): State {
  const [, draw] = useState(0);
  // As soon as it is drawn. An effect of the other kind waits for a frame, and what changes meanwhile, as the
  // first status that comes quickly, would not be shown until something else changes.
  useLayoutEffect(() => subscribe(() => draw((count) => count + 1)), []);
  return state;
}

/** Draws again each second, for what shows a clock. */
export function useSeconds(runs = true): number {
  const [now, tick] = useState(Date.now());
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => tick(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [runs]);
  return now;
}

export function go(path: string, replaces = false): void {
  if (replaces) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  set({ path: location.pathname });
  window.scrollTo(0, 0);
  document.getElementById("content")?.focus();
}

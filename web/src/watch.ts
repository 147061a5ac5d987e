// The ceremony's status, live: by server-sent events, and by asking again and again where they do not
// get through.

import { json, type CeremonyStatus } from "./protocol";
import { set, state } from "./store";
import { withTurns } from "./turns";

const EVENTS = "/ceremony/events";
const POLL = 5000;
/** A stream that is silent for longer is taken to be dead. Beats come each 15 s. */
const SILENCE = 45_000;
/** How long the first event is waited for, in milliseconds. */
const PATIENCE = 2000;

let source: EventSource | null = null;
let heardAt = 0;
/** Told of each sign of life. */
let onHeard: () => void = () => undefined;
let timer: number | undefined;

function hear(status: CeremonyStatus): void {
  heardAt = Date.now();
  // What was known of another ceremony at this address is none of this one's.
  const isSame = state.status?.coordinatorAddress === status.coordinatorAddress;
  set({
    status,
    statusAt: heardAt,
    lostSince: null,
    turns: withTurns(isSame ? state.turns : [], status.recent ?? []),
  });
  onHeard();
}

async function poll(): Promise<void> {
  try {
    const path = "/ceremony/status";
    hear(await json<CeremonyStatus>(path, { signal: AbortSignal.timeout(10_000) }));
  } catch {
    set({ lostSince: state.lostSince ?? Date.now() });
  }
}

/** Opens the stream. Resolves when it tells something, or fails. */
function listen(): Promise<void> {
  const opened = new EventSource(EVENTS);
  source = opened;
  return new Promise((resolve) => {
    opened.addEventListener("status", ({ data }: MessageEvent<string>) => {
      hear(JSON.parse(data) as CeremonyStatus);
      resolve();
    });
    opened.addEventListener("beat", () => {
      heardAt = Date.now();
      if (state.lostSince !== null) set({ lostSince: null });
      onHeard();
    });
    opened.onerror = () => {
      set({ lostSince: state.lostSince ?? Date.now() });
      // The browser tries again by itself unless it was told no.
      if (opened.readyState === EventSource.CLOSED && source === opened) source = null;
      resolve();
    };
  });
}

function stop(): void {
  source?.close();
  source = null;
}

async function tick(): Promise<void> {
  // While a stream lives, nothing is asked. While it does not, polling goes on beside it.
  if (source === null || Date.now() - heardAt > SILENCE) {
    stop();
    void listen();
    await poll();
  }
  const lost = state.lostSince !== null;
  timer = window.setTimeout(() => void tick(), lost ? POLL / 2 : POLL);
}

/** Watches from now on. Resolves when the first status is there, or does not come. */
export async function watch(heard: () => void): Promise<void> {
  onHeard = heard;
  const patience = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE));
  await Promise.race([listen(), patience]);
  if (heardAt === 0) await poll();
  // Nobody looks at a hidden page, and a hidden page that asks costs the coordinator the same.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") void tick();
    else if (state.stage.at !== "in") stop();
  });
  timer = window.setTimeout(() => void tick(), POLL);
}

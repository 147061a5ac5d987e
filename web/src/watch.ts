// The ceremony's status, live: by server-sent events where the coordinator has them, and else by
// asking again and again.

import { ask, json, Refused, type CeremonyStatus } from "./protocol";
import { set, state } from "./store";
import { LogTurns } from "./turns";

const EVENTS = "/ceremony/events";
const POLL = 5000;
/** How often the log is read for turns where the status has none, in milliseconds: watchers of one
 * address may ask 600 times an hour together. */
const LOG_POLL = 30_000;
/** A stream that is silent for longer is taken to be dead. Heartbeats come each 15 s. */
const SILENCE = 45_000;

let source: EventSource | null = null;
let heardAt = 0;
let streams = true;
let timer: number | undefined;
const log = new LogTurns();
let logReadAt = 0;
let logContributions = -1;
let logBlockedUntil = 0;

function hear(status: CeremonyStatus): void {
  heardAt = Date.now();
  set({
    status,
    statusAt: heardAt,
    lostSince: null,
    ...(status.recent === undefined ? {} : { turns: status.recent }),
  });
  if (status.recent === undefined) void readLog(status);
}

async function readLog(status: CeremonyStatus): Promise<void> {
  const now = Date.now();
  const isNew = status.contributions !== logContributions;
  const wait = isNew && logContributions >= 0 ? LOG_POLL / 3 : LOG_POLL;
  if ((logReadAt > 0 && now - logReadAt < wait) || now < logBlockedUntil) return;
  logReadAt = now;
  logContributions = status.contributions;
  try {
    set({ turns: await log.read() });
  } catch (error) {
    const after = error instanceof Refused ? (error.retryAfter ?? 60) : 60;
    logBlockedUntil = Date.now() + after * 1000;
  }
}

async function poll(): Promise<void> {
  try {
    const path = "/ceremony/status";
    hear(await json<CeremonyStatus>(path, { signal: AbortSignal.timeout(10_000) }));
  } catch {
    set({ lostSince: state.lostSince ?? Date.now() });
  }
}

/** Whether the coordinator has the stream is asked once, since `EventSource` does not say why not. */
async function hasStream(): Promise<boolean> {
  const controller = new AbortController();
  try {
    const answer = await ask(EVENTS, { headers: { accept: "text/event-stream" }, signal: controller.signal });
    return answer.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  } catch (error) {
    // Anything but a plain no is tried again.
    return !(error instanceof Refused) || (error.status !== 404 && error.status !== 0);
  } finally {
    controller.abort();
  }
}

function listen(): void {
  source = new EventSource(EVENTS);
  const take = ({ data }: MessageEvent<string>) => hear(JSON.parse(data) as CeremonyStatus);
  source.addEventListener("status", take);
  source.onmessage = take;
  source.onerror = () => {
    set({ lostSince: state.lostSince ?? Date.now() });
    // The browser tries again by itself unless it was told no.
    if (source?.readyState === EventSource.CLOSED) source = null;
  };
}

async function tick(): Promise<void> {
  const dead = source === null || Date.now() - heardAt > SILENCE;
  // While a stream lives, nothing is asked. While it does not, polling goes on beside it.
  if (dead) {
    if (source !== null) {
      source.close();
      source = null;
    }
    if (streams) listen();
    await poll();
  }
  const lost = state.lostSince !== null;
  timer = window.setTimeout(() => void tick(), lost ? POLL / 2 : POLL);
}

export async function watch(): Promise<void> {
  await poll();
  streams = await hasStream();
  if (streams) listen();
  // Nobody looks at a hidden page, and a hidden page that asks costs the coordinator the same.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") void tick();
    else if (state.stage.at !== "in") {
      source?.close();
      source = null;
    }
  });
  timer = window.setTimeout(() => void tick(), POLL);
}

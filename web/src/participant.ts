// The participant, as the page sees it: starts the workers, signs in, keeps what is signed, and
// turns the workers' news into the page's state.

import wasmUrl from "./blst.wasm?url";
import { fromHex, toHex, type Bytes } from "./bytes";
import { load, save, withRefusal, withStatus, type Keepsake } from "./keepsake";
import type { LifeNews, Order } from "./messages";
import type { CeremonyStatus, LoginAnswer, QueueStatus } from "./protocol";
import { go, set, state, subscribe, type Session } from "./store";
import { t } from "./texts";
import type { Wallet } from "./wallet";

const SESSION = "tauline.session";
const IN_LINE = "tauline.in-line";
const DONE = "tauline.done";
const MOST_WORKERS = 16;

let module: Promise<WebAssembly.Module> | null = null;

/** The WebAssembly module, compiled once. */
export function loadModule(): Promise<WebAssembly.Module> {
  module ??= WebAssembly.compileStreaming(fetch(wasmUrl)).catch(async () => {
    // A server that does not name the type right.
    return WebAssembly.compile(await (await fetch(wasmUrl)).arrayBuffer());
  });
  return module;
}

let life: Worker | null = null;
let workers: Worker[] = [];
let started: Promise<void> | null = null;
let ready: () => void = () => undefined;

const order = (what: Order, transfer: Transferable[] = []) => life?.postMessage(what, transfer);

/** Starts the workers and has them tried for a second. */
export function prepare(): Promise<void> {
  started ??= start().catch((error: unknown) => {
    set({ trialFailed: error instanceof Error ? error.message : String(error) });
    started = null;
    throw error;
  });
  return started;
}

function firstStatus(): Promise<CeremonyStatus> {
  return new Promise((resolve) => {
    if (state.status !== null) return resolve(state.status);
    const stop = subscribe(() => {
      if (state.status === null) return;
      stop();
      resolve(state.status);
    });
  });
}

async function start(): Promise<void> {
  const status = await firstStatus();
  const compiled = await loadModule();
  const count = Math.min(MOST_WORKERS, Math.max(1, navigator.hardwareConcurrency ?? 2));
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  life = new Worker(new URL("./life.worker.ts", import.meta.url), { type: "module", name: "life" });
  life.onmessage = ({ data }: MessageEvent<LifeNews>) => hear(data);
  life.onerror = (event) => set({ trialFailed: event.message || "worker" });
  const ports: MessagePort[] = [];
  for (let i = 0; i < count; i++) {
    const worker = new Worker(new URL("./compute.worker.ts", import.meta.url), { type: "module", name: `compute ${i}` });
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ module: compiled, port: port1 }, [port1]);
    workers.push(worker);
    ports.push(port2);
  }
  order({ kind: "setup", module: compiled, ports, sizes: status.subCeremonies }, ports);
  await isReady;
  order({ kind: "trial" });
}

/** Ends the workers, and with them whatever they hold. */
function stop(): void {
  for (const worker of [life, ...workers]) worker?.terminate();
  life = null;
  workers = [];
  started = null;
  release();
  void awake?.release();
}

// What the person types and moves.
const events = new Uint32Array(4096);
let eventCount = 0;

export function mix(event: Event): void {
  const at = eventCount * 4;
  const { clientX = 0, clientY = 0, key = "", data = "" } = event as PointerEvent & { key?: string; data?: string };
  const words = [
    performance.now() * 1000,
    Math.round(clientX * 8) * 65536 + Math.round(clientY * 8),
    (key || data || "").codePointAt(0) ?? 0,
    event.timeStamp * 1000,
  ];
  words.forEach((word, i) => {
    const index = (at + i) % events.length;
    events[index] = (events[index]! ^ word) >>> 0;
  });
  eventCount += 1;
  if (eventCount % 8 === 0 || eventCount < 8) set({ events: eventCount });
}

async function digest(typed: string): Promise<Bytes> {
  const { sha256 } = await import("./hash");
  const text = new TextEncoder().encode(typed);
  const all = new Uint8Array(events.byteLength + text.length);
  all.set(new Uint8Array(events.buffer));
  all.set(text, events.byteLength);
  const hash = sha256(all) as Bytes;
  all.fill(0);
  events.fill(0);
  return hash;
}

function keepSession(session: Session | null): void {
  if (session === null) localStorage.removeItem(SESSION);
  else localStorage.setItem(SESSION, JSON.stringify(session));
}

export function signedIn(answer: LoginAnswer, way: Session["way"]): void {
  const session: Session = { ...answer, way };
  keepSession(session);
  kept = load(answer.identity);
  const again = state.signInAgain && state.session?.identity === answer.identity;
  set({ session, signInAgain: false });
  if (again) order({ kind: "token", token: answer.token });
  else if (state.stage.at === "out") set({ stage: { at: "ready" } });
}

export function signOut(): void {
  keepSession(null);
  localStorage.removeItem(IN_LINE);
  stop();
  set({ session: null, stage: { at: "out" }, queue: null, progress: null, publicKeys: null, ecdsa: false });
  void prepare();
}

/** What a sign-in of this browser is known by when it comes back. */
const BEGUN = "tauline.sign-in";

/** Where GitHub or a provider sends the browser back to. */
export function redirectTo(): string {
  let begun = localStorage.getItem(BEGUN);
  if (begun === null) {
    begun = toHex(crypto.getRandomValues(new Uint8Array(16)));
    localStorage.setItem(BEGUN, begun);
  }
  return `${location.origin}/take-part?sign-in=${begun}`;
}

/**
 * Takes a session from the address, where a redirect has put it, and the address away. Only one that this
 * browser has asked for: a link with somebody else's session would have a person contribute in their name.
 * Returns what went wrong.
 */
export function fromAddress(): string | null {
  const query = new URLSearchParams(location.search);
  const brought = new URLSearchParams(location.hash.slice(1));
  const token = brought.get("session_id");
  const error = brought.get("error");
  if (token === null && error === null) return null;
  const begun = localStorage.getItem(BEGUN);
  const isOurs = begun !== null && query.get("sign-in") === begun;
  history.replaceState(null, "", location.pathname);
  if (!isOurs) return t("signIn.foreign");
  if (token === null) return error;
  const expires = Number(brought.get("exp"));
  signedIn(
    {
      token,
      identity: brought.get("sub") ?? "",
      expiresAt: expires,
      expiresInMs: expires * 1000 - Date.now(),
    },
    "redirect",
  );
  return null;
}

/** The wallet that signed in, for the second signature. */
export const signer: { wallet: Wallet | null } = { wallet: null };

let typed = "";
export const type = (text: string) => (typed = text);

let kept: Keepsake | null = null;
export const keepsake = (): Keepsake | null => kept;

function keep(next: Keepsake | null): void {
  if (next === null || next === kept) return;
  kept = next;
  save(next);
}

/** Joins the line, or takes up the place again. */
export async function join(): Promise<void> {
  const { session } = state;
  if (session === null) return;
  set({ stage: { at: "joining", paused: false }, progress: null, queue: null });
  // A sound later needs a gesture now.
  sound();
  try {
    await prepare();
  } catch {
    set({ stage: { at: "ready" } });
    return;
  }
  const acts = await takeLock();
  set({ acts });
  const extra = await digest(typed);
  typed = "";
  order({ kind: "draw", identity: session.identity, extra }, [extra.buffer]);
  tellLine();
  order({ kind: "live", token: session.token, acts });
  localStorage.setItem(IN_LINE, session.identity);
}

let lineHeardAt = 0;

/** Something came on the public stream: the line has moved, or the stream lives. Who rests is woken by it. */
export function hearLine(): void {
  lineHeardAt = Date.now();
  tellLine();
}

function tellLine(): void {
  const { status, turns, stage } = state;
  if (status === null || (stage.at !== "in" && stage.at !== "joining")) return;
  const line = { inLine: status.queueLength, ended: turns.map((it) => it.endedAt) };
  order({ kind: "line", line, hidden: document.hidden, at: lineHeardAt });
}

export function leave(): void {
  order({ kind: "leave" });
}

export function signWork(signature: string): void {
  order({ kind: "ecdsa", signature: fromHex(signature) });
  set({ ecdsa: true });
}

let release: () => void = () => undefined;

/**
 * One tab of a browser computes; the others show how it goes. Holding a lock also keeps browsers
 * from freezing the page in the background.
 */
async function takeLock(): Promise<boolean> {
  const { locks } = navigator;
  // Only secure contexts have locks.
  if (locks === undefined) return true;
  release();
  const given = new AbortController();
  const held = new Promise<void>((resolve) => {
    release = () => {
      given.abort();
      resolve();
    };
  });
  return new Promise((resolve) => {
    const name = `tauline ${state.session?.identity ?? ""}`;
    void locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      if (lock !== null) return held;
      // The other tab may be closed before the turn.
      const wait = locks.request(name, { signal: given.signal }, () => {
        set({ acts: true });
        order({ kind: "act" });
        return held;
      });
      wait.catch(() => undefined);
      return undefined;
    });
  });
}

function hear(news: LifeNews): void {
  switch (news.kind) {
    case "ready":
      ready();
      break;
    case "trial":
      set({ trial: { seconds: news.seconds, workers: news.workers, g1Ms: news.g1Ms }, trialFailed: null });
      break;
    case "drawn":
      set({ publicKeys: news.publicKeys, ecdsa: false });
      break;
    case "paused":
      set({ stage: { at: "joining", paused: true } });
      break;
    case "status":
      heardStatus(news.status, news.at);
      break;
    case "progress":
      set({ progress: news.progress });
      break;
    case "trouble":
      set({ trouble: { text: news.text, keptUntil: news.keptUntil } });
      break;
    case "recovered":
      set({ trouble: null });
      break;
    case "session":
      set({ signInAgain: true });
      break;
    case "accepted": {
      const identity = state.session?.identity ?? "";
      const { receipt, warnings, own, ticket, number } = news;
      const done = { receipt, warnings, own, ticket, identity, number };
      if (kept !== null) keep({ ...kept, receipt: news.receipt });
      localStorage.removeItem(IN_LINE);
      localStorage.setItem(DONE, JSON.stringify(done));
      set({ stage: { at: "done", done }, progress: null, trouble: null });
      stop();
      tellPerson("done");
      go("/take-part", true);
      break;
    }
    case "over":
      localStorage.removeItem(IN_LINE);
      set({ stage: { at: "over", status: news.status }, progress: null, trouble: null });
      stop();
      break;
    case "failed": {
      localStorage.removeItem(IN_LINE);
      const { failure } = news;
      if (failure.why === "refused" && failure.signed !== undefined) {
        keep(withRefusal(kept, state.session?.identity ?? "", failure.signed, location.origin));
      }
      set({ stage: { at: "failed", failure }, progress: null, trouble: null });
      stop();
      break;
    }
  }
}

let turnTold = false;

function heardStatus(status: QueueStatus, at: number): void {
  keep(withStatus(kept, status, location.origin));
  const inTurn = status.queueStatus === "readyToContribute" || status.queueStatus === "contributing";
  if (inTurn && !turnTold) tellPerson("turn");
  turnTold = inTurn;
  if (inTurn || (status.queuePosition !== null && status.queuePosition <= 3)) void keepAwake();
  const ends = status.queueStatus === "contributed" || status.queueStatus === "expired";
  set({ queue: status, queueAt: at, trouble: null, ...(ends ? {} : { stage: { at: "in" } }) });
}

let awake: WakeLockSentinel | null = null;

async function keepAwake(): Promise<void> {
  if (awake !== null || document.visibilityState !== "visible") return;
  try {
    awake = await navigator.wakeLock.request("screen");
    awake.addEventListener("release", () => (awake = null));
  } catch {
    // Not allowed here, or no battery for it.
  }
}

export async function allowNotifications(): Promise<void> {
  const answer = await Notification.requestPermission();
  set({ notifies: answer === "granted" });
}

let audio: AudioContext | null = null;

function sound(): void {
  try {
    audio ??= new AudioContext();
    void audio.resume();
  } catch {
    // Without sound.
  }
}

function tellPerson(what: "turn" | "done"): void {
  if (!document.hidden) return;
  if (state.notifies) {
    try {
      new Notification(t("name"), { body: t(what === "turn" ? "wait.notification" : "done.title"), tag: "tauline" });
    } catch {
      // Some browsers notify from service workers only.
    }
  }
  if (audio === null || audio.state !== "running") return;
  const now = audio.currentTime;
  for (const [i, pitch] of [660, 880].entries()) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.08, now + i * 0.2);
    volume.gain.exponentialRampToValueAtTime(0.001, now + i * 0.2 + 0.4);
    tone.connect(volume).connect(audio.destination);
    tone.start(now + i * 0.2);
    tone.stop(now + i * 0.2 + 0.4);
  }
}

/** Takes up what was before the page was loaded again. */
export async function resume(): Promise<void> {
  const done = localStorage.getItem(DONE);
  const text = localStorage.getItem(SESSION);
  const session = text === null ? null : (JSON.parse(text) as Session);
  if (session !== null && session.expiresAt * 1000 > Date.now()) {
    kept = load(session.identity);
    set({ session, stage: { at: "ready" } });
  }
  if (done !== null) {
    const parsed = JSON.parse(done) as { identity: string };
    if (session === null || parsed.identity === session.identity) {
      kept = load(parsed.identity);
      set({ stage: { at: "done", done: parsed as never } });
      return;
    }
  }
  if (state.session !== null && localStorage.getItem(IN_LINE) === state.session.identity) {
    set({ stage: { at: "joining", paused: false } });
    await join();
  }
}

/** Forgets what is finished, so that another person may take part in this browser. */
export function startOver(): void {
  localStorage.removeItem(DONE);
  keepSession(null);
  stop();
  set({ stage: { at: "out" }, session: null, queue: null, publicKeys: null, ecdsa: false, progress: null });
  void prepare();
}

export function rememberNumber(number: number): void {
  const { stage } = state;
  if (stage.at !== "done" || stage.done.number === number) return;
  const done = { ...stage.done, number };
  localStorage.setItem(DONE, JSON.stringify(done));
  set({ stage: { at: "done", done } });
}

addEventListener("beforeunload", (event) => {
  if (state.stage.at === "in" || state.stage.at === "joining") event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  tellLine();
  const position = state.queue?.queuePosition ?? null;
  if (state.stage.at === "in" && position !== null && position <= 3) void keepAwake();
});

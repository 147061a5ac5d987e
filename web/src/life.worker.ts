// The worker that lives a participant's life: it joins, checks in, takes the turn, has the powers
// multiplied, sends them and hands the receipt on. It is a worker because browsers slow down the
// timers of pages in the background, and because the secrets are here.

import { BadDocument, contributionLength, readBase, writeContribution, type Result } from "./contribution";
import { Blst, G1, G2, GENERATOR_G1, GENERATOR_G2, BadPoints } from "./blst";
import { equal, fromHex, toHex, utf8, type Bytes } from "./bytes";
import { estimate, Pool, WrongPowers } from "./pool";
import {
  ask,
  json,
  Refused,
  refusal,
  type QueueStatus,
  type ReceiptAnswer,
  type SignedReceipt,
  type SubCeremony,
} from "./protocol";
import { hurry, rest, toldAt, turnsSince, type Line } from "./rhythm";
import type { Failure, JobNews, LifeNews, Order, OwnWork, Progress, Step } from "./messages";

/** How long a check-in is held by the coordinator near the turn, in seconds. */
const HOLD = 15;
/** The same during a pause. */
const HOLD_IN_PAUSE = 2;
/** The same during a turn. */
const HOLD_IN_TURN = 5;
/** From one check-in to the next at least, in milliseconds: a session may ask 50 times a minute. */
const MIN_INTERVAL = 1500;
/** How much longer than asked for an answer may take, in seconds. */
const PATIENCE = 10;
/** The same after a rest: two tries may be without an answer before the deadline has passed. */
const PATIENCE_AFTER_REST = 6;
/** How often a page that rests looks at the time, in milliseconds: a computer that slept goes on within so long. */
const LOOK = 5000;
/** How soon after an answer a line that moves fast is asked about again. */
const SOONEST = 2000;
/** How late timers may be while nobody sees the page: with a stream, whose beats wake it, and without. */
const LATE_WITH_STREAM = 15_000;
const LATE = 60_000;
/** A stream that was silent for longer does not count. Beats come each 15 s. */
const SILENCE = 20_000;
/** How long to wait while the ceremony is halted, in milliseconds. */
const HALTED = 3000;

const CLIENT = "tauline-web";

const tell = (news: LifeNews) => postMessage(news);
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

class Failed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.why);
  }
}

interface Work {
  ticket: number | null;
  document: Bytes;
  own: OwnWork;
}

class Life {
  private token = "";
  private acts = true;
  private lives = false;
  private identity = "";
  private publicKeys: Bytes[] = [];
  private signatures: Bytes[] = [];
  private ecdsa: Bytes | null = null;
  /** A digest of what the person typed: no secret by itself. */
  private extra: Bytes = new Uint8Array(32);
  private drawn = false;
  private work: Work | null = null;
  private keptUntil: number | null = null;
  private troubled = false;
  /** The line as the page has heard of it last. */
  private line: Line | null = null;
  private lineAt = 0;
  private hidden = false;
  /** Woken when that changes, during a rest. */
  private stirs: (() => void) | null = null;
  private renewed: (() => void) | null = null;
  private wakes: (() => void) | null = null;

  constructor(
    private readonly blst: Blst,
    private readonly pool: Pool,
    private readonly sizes: SubCeremony[],
  ) {}

  async trial(): Promise<void> {
    const rates = await this.pool.trial(1000);
    const seconds = estimate(rates, this.pool.size, this.sizes);
    tell({ kind: "trial", g1Ms: rates.g1Ms, workers: this.pool.size, seconds });
  }

  /** Draws the secrets and signs with them, before the turn. */
  draw(identity: string, extra: Bytes): void {
    this.identity = identity;
    this.extra = extra;
    this.blst.drawSecrets(this.sizes.length, extra);
    this.drawn = true;
    this.ecdsa = null;
    this.publicKeys = this.sizes.map((_, i) => this.blst.publicKey(i));
    this.signatures = this.sizes.map((_, i) => this.blst.sign(i, utf8(identity)));
    tell({ kind: "drawn", publicKeys: this.publicKeys.map(toHex) });
  }

  sign(ecdsa: Bytes | null): void {
    this.ecdsa = ecdsa;
  }

  act(): void {
    this.acts = true;
    this.wakes?.();
  }

  hearLine(line: Line, hidden: boolean, at: number): void {
    Object.assign(this, { line, hidden, lineAt: at });
    this.stirs?.();
  }

  renew(token: string): void {
    this.token = token;
    this.renewed?.();
  }

  async leave(): Promise<void> {
    const status = await this.call("/queue/leave", { body: undefined });
    if (status.queueStatus === "queued") this.hear(status);
    else this.end(status);
  }

  async live(token: string, acts: boolean): Promise<void> {
    this.token = token;
    this.acts = acts;
    if (this.lives) return;
    this.lives = true;
    try {
      await this.course();
    } catch (error) {
      this.lives = false;
      this.forget();
      if (error instanceof Failed) tell({ kind: "failed", failure: error.failure });
      else if (error instanceof Refused) tell({ kind: "failed", failure: refusedFailure(error) });
      else tell({ kind: "failed", failure: { why: "computation", text: String(error) } });
    }
  }

  private async course(): Promise<void> {
    await this.probe();
    let status = await this.join();
    let joins = 1;
    while (this.lives) {
      this.hear(status);
      switch (status.queueStatus) {
        case "queued":
        case "verifying":
          status = await this.wait(status);
          break;
        case "readyToContribute":
        case "contributing":
          if (!this.acts) {
            await Promise.race([new Promise<void>((wake) => (this.wakes = wake)), sleep(MIN_INTERVAL)]);
            status = await this.checkIn(this.acts ? 0 : HOLD_IN_TURN);
            break;
          }
          if (await this.takeTurn(status.ticket)) return;
          await sleep(500);
          status = await this.checkIn(0);
          break;
        case "contributed":
          if (status.receipt === null) throw new Error("the receipt is missing");
          this.accepted(status.receipt, [], status.ticket, null);
          return;
        case "expired":
          this.end(status);
          return;
        case "notQueued":
          if (joins >= 3) {
            this.end(status);
            return;
          }
          joins += 1;
          status = await this.join();
          break;
      }
    }
  }

  /** Waits in line: far back by the deadline, near the turn by check-ins that are held. */
  private async wait(status: QueueStatus): Promise<QueueStatus> {
    const chance = Math.floor(Math.random() * 1001);
    const first = this.restAfter(status, chance);
    // A check-in that is held while deadlines stand still would not move the one that runs afterwards.
    if (first === null) return this.checkIn(status.mode === "halted" ? HOLD_IN_PAUSE : HOLD);
    const began = Date.now();
    const since = toldAt(status);
    let inLine = this.line?.inLine;
    let due = began + first;
    // Timers may be late, and stand still with the computer: the clock says when it is time.
    while (this.lives && Date.now() < due) {
      await Promise.race([sleep(Math.min(LOOK, due - Date.now())), new Promise<void>((wake) => (this.stirs = wake))]);
      if (this.line !== null) {
        inLine ??= this.line.inLine;
        const gone = Math.max(turnsSince(this.line.ended, since), inLine - this.line.inLine);
        const soon = hurry(status.queuePosition ?? 0, gone);
        if (soon !== null) due = Math.min(due, Math.max(began + SOONEST, Date.now() + soon));
      }
      // Nobody sees the page any more, and timers may be late from now on.
      due = Math.min(due, began + (this.restAfter(status, chance) ?? SOONEST));
    }
    this.stirs = null;
    if (!this.lives) return status;
    return this.checkIn(0, PATIENCE_AFTER_REST);
  }

  private restAfter(status: QueueStatus, chance: number): number | null {
    const { queueStatus, queuePosition, nextCheckinInMs, expectedStartInMs } = status;
    if (queueStatus !== "queued" || queuePosition === null || nextCheckinInMs === null || expectedStartInMs === null) {
      return null;
    }
    const streams = Date.now() - this.lineAt < SILENCE;
    const late = !this.hidden ? 0 : streams ? LATE_WITH_STREAM : LATE;
    return rest({ position: queuePosition, deadlineInMs: nextCheckinInMs, startInMs: expectedStartInMs }, late, chance);
  }

  private end(status: QueueStatus): void {
    this.lives = false;
    this.stirs?.();
    this.forget();
    tell({ kind: "over", status });
  }

  private forget(): void {
    this.drawn = false;
    this.blst.wipe();
    this.pool.wipe();
  }

  private hear(status: QueueStatus): void {
    this.keptUntil = status.nextCheckinInMs === null ? null : Date.now() + status.nextCheckinInMs;
    tell({ kind: "status", status, at: Date.now() });
  }

  /** Whether a contribution of this length gets through to the coordinator. */
  private async probe(): Promise<void> {
    const length = contributionLength(this.sizes);
    const controller = new AbortController();
    const limit = setTimeout(() => controller.abort(), 2000);
    try {
      // A browser cannot send a length without the body; a small body is asked about by its own. So
      // only what the coordinator itself would refuse is found out here.
      const answer = await ask("/contribution/probe", {
        method: "POST",
        token: this.token,
        body: {},
        signal: controller.signal,
      });
      const { limit: most } = (await answer.json()) as { limit: number };
      if (most < length) throw new Failed({ why: "tooLarge", bytes: length });
    } catch (error) {
      if (error instanceof Failed) throw error;
      // Anything else is said by the next call, if it lasts.
    } finally {
      clearTimeout(limit);
    }
  }

  private async join(): Promise<QueueStatus> {
    for (;;) {
      try {
        const status = await this.call("/queue/join");
        if (this.identity !== "" && status.id !== this.identity) {
          throw new Failed({ why: "otherIdentity", id: status.id });
        }
        return status;
      } catch (error) {
        if (error instanceof Refused && error.code === "Queue::Halted") {
          tell({ kind: "paused" });
          await sleep(HALTED);
        } else if (error instanceof Refused && error.code === "Queue::AlreadyContributed") {
          return this.checkIn(0);
        } else throw error;
      }
    }
  }

  private lastCheckIn = 0;

  private async checkIn(wait: number, patience = PATIENCE): Promise<QueueStatus> {
    for (;;) {
      const since = Date.now() - this.lastCheckIn;
      if (since < MIN_INTERVAL && wait > 0) await sleep(MIN_INTERVAL - since);
      this.lastCheckIn = Date.now();
      try {
        // Once it was not reached, the next answer is wanted at once.
        const path = () => `/queue/checkin?wait=${this.troubled ? 0 : wait}`;
        return await this.call(path, {}, (wait + patience) * 1000);
      } catch (error) {
        if (!(error instanceof Refused) || !isExplained(error)) throw error;
        await sleep(error.code === "Queue::Halted" ? HALTED : 500);
      }
    }
  }

  /** Makes a call until it is answered. Signs in again, by the page, where the session has ended. */
  private async call(
    path: string | (() => string),
    { body }: { body?: unknown } = {},
    limitMs = 30_000,
  ): Promise<QueueStatus> {
    let pause = 500;
    for (;;) {
      try {
        const status = await json<QueueStatus>(typeof path === "string" ? path : path(), {
          method: "POST",
          token: this.token,
          body,
          signal: AbortSignal.timeout(limitMs),
        });
        this.recovered();
        return status;
      } catch (error) {
        const refused = error instanceof Refused ? error : new Refused(0, "Network", String(error));
        if (refused.code === "Session::Unknown" || refused.code === "Session::Missing") {
          tell({ kind: "session" });
          await new Promise<void>((resolve) => (this.renewed = resolve));
          continue;
        }
        if (!refused.passes) throw refused;
        this.trouble(refused.message);
        await sleep(refused.retryAfter === null ? pause : Math.min(refused.retryAfter * 1000, 10_000));
        pause = Math.min(pause * 2, 4000);
      }
    }
  }

  private trouble(text: string): void {
    this.troubled = true;
    tell({ kind: "trouble", text, keptUntil: this.keptUntil });
  }

  private recovered(): void {
    if (!this.troubled) return;
    this.troubled = false;
    tell({ kind: "recovered" });
  }

  /** Uses the turn. False when only the next check-in can tell how it went. */
  private async takeTurn(ticket: number | null): Promise<boolean> {
    const beats = new Beats(this, (status) => this.hear(status));
    try {
      if (this.work?.ticket !== ticket || this.work === null) {
        const work = await this.compute(ticket, beats);
        if (work === null) return false;
        this.work = work;
      }
      beats.begin();
      return await this.send(this.work);
    } catch (error) {
      if (error instanceof WrongPowers || error instanceof BadDocument || error instanceof BadPoints) {
        // Nobody can build on these powers, so the next in line should not have to wait.
        const reason = "the powers that were handed out are not valid";
        await ask("/contribution/abort", { method: "POST", token: this.token, body: { reason } }).catch(() => undefined);
        throw new Failed({ why: "badBase", wrong: error.message });
      }
      throw error;
    } finally {
      beats.end();
    }
  }

  /** One check-in of a turn, or null when it fails. */
  async beat(signal: AbortSignal): Promise<QueueStatus | null> {
    try {
      const path = `/queue/checkin?wait=${HOLD_IN_TURN}`;
      return await json<QueueStatus>(path, { method: "POST", token: this.token, signal });
    } catch {
      return null;
    }
  }

  private async compute(ticket: number | null, beats: Beats): Promise<Work | null> {
    // Another turn needs other secrets: those of an earlier one are wiped.
    if (!this.drawn) this.draw(this.identity, this.extra);
    const began = performance.now();
    const bytes = await this.download(beats);
    if (bytes === null) return null;
    const downloaded = performance.now();
    progress("check", 0);
    const { subs, compressed } = readBase(bytes, this.sizes);
    this.checkFirst(subs, compressed);
    const results = await this.pool.multiply(this.blst, subs, compressed, (done, parts) =>
      progress("compute", done, parts, left(downloaded, done)),
    );
    // The powers 0 are what they were, so their whole encoding is seen here.
    for (const { g1, g2 } of results) {
      const first = toHex(g1.subarray(0, G1.compressed)) === GENERATOR_G1;
      if (!first || toHex(g2.subarray(0, G2.compressed)) !== GENERATOR_G2) throw new WrongPowers("firstPower");
    }
    const whole: Result[] = results.map((powers, i) => ({
      ...powers,
      publicKey: this.publicKeys[i]!,
      signature: this.signatures[i]!,
    }));
    const document = writeContribution(whole, this.sizes, this.ecdsa);
    // The secrets have done what they are for.
    this.forget();
    return {
      ticket,
      document,
      own: {
        publicKeys: this.publicKeys.map(toHex),
        runningProducts: whole.map(({ g1 }) => toHex(g1.subarray(G1.compressed, 2 * G1.compressed))),
        signatures: this.signatures.map(toHex),
        ecdsa: this.ecdsa === null ? "" : toHex(this.ecdsa),
        times: { download: downloaded - began, compute: performance.now() - downloaded, upload: 0 },
      },
    };
  }

  /** Checks 4 and the first of 6 and 7, before a secret touches anything. */
  private checkFirst(subs: { g1: Bytes; g2: Bytes }[], compressed: boolean): void {
    const [n1, n2] = compressed ? [48, 96] : [96, 192];
    for (const { g1, g2 } of subs) {
      const [p0, p1] = [g1.subarray(0, n1), g1.subarray(n1, 2 * n1)];
      const [q0, q1] = [g2.subarray(0, n2), g2.subarray(n2, 2 * n2)];
      if (!isGenerator(p0, GENERATOR_G1) || !isGenerator(q0, GENERATOR_G2)) throw new WrongPowers("firstPower");
      if (!this.blst.pairingsEqual(p1, q0, p0, q1)) throw new WrongPowers("notEqual");
    }
  }

  private async download(beats: Beats): Promise<Bytes | null> {
    let pause = 500;
    for (;;) {
      try {
        const began = performance.now();
        progress("download", 0);
        const answer = await ask("/contribution/start", {
          method: "POST",
          token: this.token,
          body: { client: CLIENT, computation: "blst (WebAssembly)", checksIn: true },
          headers: { accept: "application/msgpack; points=uncompressed" },
        });
        beats.begin();
        const bytes = await read(answer, (done) => progress("download", done, [], left(began, done)));
        this.recovered();
        return bytes;
      } catch (error) {
        const refused = error instanceof Refused ? error : new Refused(0, "Network", String(error));
        if (isExplained(refused) || refused.code.startsWith("Session::")) return null;
        if (!refused.passes) throw refused;
        this.trouble(refused.message);
        await sleep(pause);
        pause = Math.min(pause * 2, 4000);
        // The turn may be over meanwhile.
        const status = await this.checkIn(0);
        if (status.queueStatus !== "contributing" && status.queueStatus !== "readyToContribute") return null;
      }
    }
  }

  private async send(work: Work): Promise<boolean> {
    const began = performance.now();
    try {
      const answer = await upload("/contribution/complete", this.token, work.document, (done) =>
        done < 1 ? progress("upload", done, [], left(began, done)) : progress("verify", 0),
      );
      this.recovered();
      work.own.times.upload = performance.now() - began;
      const { warnings, number, ...receipt } = JSON.parse(answer) as ReceiptAnswer;
      this.accepted(receipt, warnings ?? [], work.ticket, number);
      return true;
    } catch (error) {
      const refused = error instanceof Refused ? error : new Refused(0, "Network", String(error));
      if (refused.status === 413) {
        const reason = "a proxy refuses bodies of this length";
        await ask("/contribution/abort", { method: "POST", token: this.token, body: { reason } }).catch(() => undefined);
        throw new Failed({ why: "tooLarge", bytes: work.document.length });
      }
      // The turn is over: the secret that made this work is gone, and so is the work.
      if (refused.code === "Queue::NotStarted") this.work = null;
      if (isExplained(refused) || refused.code.startsWith("Session::")) return false;
      if (!refused.passes) throw refused;
      this.trouble(refused.message);
      return false;
    }
  }

  private accepted(receipt: SignedReceipt, warnings: string[], ticket: number | null, number: number | null): void {
    this.lives = false;
    this.forget();
    const own = this.work?.own ?? null;
    this.work = null;
    tell({ kind: "accepted", receipt, warnings, own: own !== null && isOf(receipt, own) ? own : null, ticket, number });
  }
}

/** Whether a receipt is for this work, and not for what another device of the same person has sent. */
function isOf({ receipt }: SignedReceipt, own: OwnWork): boolean {
  const { witness } = JSON.parse(receipt) as { witness: string[] };
  return witness.map((it) => it.replace(/^0x/, "")).join() === own.publicKeys.join();
}

/** Check-ins during a turn, one after another. */
class Beats {
  private on = false;
  private readonly stop = new AbortController();

  constructor(
    private readonly life: Life,
    private readonly heard: (status: QueueStatus) => void,
  ) {}

  begin(): void {
    if (this.on) return;
    this.on = true;
    void this.run();
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      const began = Date.now();
      const limit = AbortSignal.any([this.stop.signal, AbortSignal.timeout((HOLD_IN_TURN + PATIENCE) * 1000)]);
      const status = await this.life.beat(limit);
      if (this.stop.signal.aborted) return;
      if (status !== null) this.heard(status);
      await sleep(Math.max(0, MIN_INTERVAL - (Date.now() - began)));
    }
  }

  end(): void {
    this.stop.abort();
  }
}

function isGenerator(point: Uint8Array, compressed: string): boolean {
  const expected = fromHex(compressed);
  if (point.length === expected.length) return equal(point, expected);
  // Uncompressed: the same x without flags. Which of the two y it is, is seen in the result.
  expected[0]! &= 0x1f;
  return equal(point.subarray(0, expected.length), expected);
}

function isExplained(error: Refused): boolean {
  return [
    "Queue::NotQueued",
    "Queue::NotYourTurn",
    "Queue::NotStarted",
    "Queue::AlreadyVerifying",
    "Queue::StayEnded",
    "Queue::AlreadyContributed",
    "Queue::EarlierOneCounted",
    "Queue::UsedUp",
    "Queue::Halted",
    "Server::CoordinatorFault",
  ].includes(error.code);
}

function refusedFailure(error: Refused): Failure {
  const { signed, movedTo } = error.body;
  return {
    why: "refused",
    status: error.status,
    code: error.code,
    text: error.message,
    ...(signed === undefined ? {} : { signed }),
    ...(movedTo === undefined ? {} : { movedTo }),
  };
}

const left = (began: number, done: number): number | null =>
  done < 0.02 ? null : ((performance.now() - began) * (1 - done)) / done;

let told = 0;
let toldStep: Step | null = null;

function progress(step: Step, done: number, subs: number[] = [], leftMs: number | null = null): void {
  // A page needs no more than ten a second.
  const now = performance.now();
  if (step === toldStep && now - told < 100 && done < 1) return;
  told = now;
  toldStep = step;
  tell({ kind: "progress", progress: { step, done, subs, leftMs } satisfies Progress });
}

async function read(answer: Response, done: (part: number) => void): Promise<Bytes> {
  const total = Number(answer.headers.get("content-length"));
  const reader = answer.body!.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { value, done: ends } = await reader.read();
    if (ends) break;
    parts.push(value);
    length += value.length;
    if (total > 0) done(Math.min(1, length / total));
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Sends a body and tells how far it is, which `fetch` cannot. */
function upload(path: string, token: string, body: Bytes, done: (part: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("authorization", `Bearer ${token}`);
    request.setRequestHeader("content-type", "application/msgpack");
    request.upload.onprogress = ({ loaded, total }) => done(total > 0 ? Math.min(0.999, loaded / total) : 0);
    request.upload.onload = () => done(1);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve(request.responseText);
      const text = async () => request.responseText;
      void refusal(request.status, text, (name) => request.getResponseHeader(name)).then(reject);
    };
    request.onerror = () => reject(new Refused(0, "Network", "the connection was lost"));
    request.send(body);
  });
}

let life: Life | null = null;

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  switch (data.kind) {
    case "setup": {
      const { ports } = data;
      life = new Life(new Blst(data.module), new Pool(ports), data.sizes);
      let ready = 0;
      for (const port of ports) {
        port.onmessage = ({ data: news }: MessageEvent<JobNews>) => {
          if (news.kind === "ready" && ++ready === ports.length) tell({ kind: "ready", workers: ready });
        };
      }
      break;
    }
    case "trial":
      void life?.trial();
      break;
    case "draw":
      life?.draw(data.identity, data.extra);
      break;
    case "ecdsa":
      life?.sign(data.signature);
      break;
    case "live":
      void life?.live(data.token, data.acts);
      break;
    case "act":
      life?.act();
      break;
    case "token":
      life?.renew(data.token);
      break;
    case "line":
      life?.hearLine(data.line, data.hidden, data.at);
      break;
    case "leave":
      life?.leave().catch((error: unknown) => {
        if (error instanceof Refused) tell({ kind: "failed", failure: refusedFailure(error) });
      });
      break;
  }
});

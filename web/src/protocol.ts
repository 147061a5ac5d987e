// The JSON of the coordinator's interface (docs/spec/http-api.md).

export type Mode = "open" | "draining" | "halted";
export type SignInWay = "siwe" | "github" | "oidc" | "invite";
export type QueueWord =
  | "notQueued"
  | "queued"
  | "readyToContribute"
  | "contributing"
  | "verifying"
  | "contributed"
  | "expired";
export type Ended =
  | "contributed"
  | "missedCheckin"
  | "failedToStart"
  | "timedOut"
  | "stalled"
  | "invalid"
  | "aborted"
  | "left"
  | "expelled"
  | "coordinatorFault";

export interface SubCeremony {
  numG1Powers: number;
  numG2Powers: number;
}

export interface MovedTo {
  key: string;
  coordinatorAddress: string;
  url?: string;
}

/** A turn that is over. */
export interface Turn {
  ticket: number;
  ended: Ended;
  /** When it ended, Unix seconds. */
  endedAt: number;
  /** From the call to the end. */
  turnInMs: number;
  /** Of an accepted one: its place in the transcript. */
  number?: number;
  /** Of an accepted one: who. */
  identity?: string;
}

export interface CeremonyStatus {
  mode: Mode;
  queueLength: number;
  contributions: number;
  turn: { ticket: number; phase: QueueWord; ageInMs: number } | null;
  meanTurnInMs: number;
  contributionLimitInMs: number;
  contributionLimitMaxInMs?: number;
  expectedWaitInMs: number;
  expectedStartTime: number;
  subCeremonies: SubCeremony[];
  signIn: SignInWay[];
  coordinatorAddress: string;
  log: {
    records: number;
    hash: string;
    cosigned?: { by: number; of: number };
    /** When the checkpoint that is served was signed, Unix seconds. */
    at?: number;
  };
  planned?: { opens?: number; drains?: number };
  movedTo?: MovedTo;
  time: number;
  /** The latest turns, the newest last; in an event that follows another one, those that are new. */
  recent?: Turn[];
  /** What the operator calls the ceremony. Absent where it has no name. */
  name?: string;
}

export interface SignedReceipt {
  receipt: string;
  signature: string;
}

/** The answer of `contribution/complete`. */
export interface ReceiptAnswer extends SignedReceipt {
  number: number;
  warnings?: string[];
}

export interface SignedTicket {
  ticket: string;
  nonce: string;
  checkpoint: string;
  origin: string;
  logKey: string;
}

/** What proves that somebody was turned away. */
export interface SignedRefusal {
  refusal: string;
  nonce: string;
  origin: string;
  logKey: string;
}

export interface QueueStatus {
  id: string;
  ticket: number | null;
  queueStatus: QueueWord;
  queuePosition: number | null;
  passed: number;
  otherClients: number;
  mode: Mode;
  expectedStartTime: number | null;
  expectedStartInMs: number | null;
  nextCheckinTime: number | null;
  nextCheckinInMs: number | null;
  contributeInMs?: number;
  signedTicket?: SignedTicket;
  promise?: string;
  ended: Ended | null;
  endedBecause?: string;
  receipt: SignedReceipt | null;
}

export interface LoginAnswer {
  token: string;
  identity: string;
  expiresAt: number;
  expiresInMs: number;
}

export interface NonceAnswer {
  nonce: string;
  domain: string;
  uri: string;
  chainId: number;
  expiresAt: number;
  expiresInMs: number;
}

/** A contribution by itself. */
export interface Contribution {
  number: number;
  identity: string;
  ticket?: number;
  /** The place of its end in the log. */
  entry?: number;
  /** Unix seconds. */
  joinedAt?: number;
  startedAt?: number;
  acceptedAt?: number;
  turnInMs?: number;
  subCeremonies: {
    before: string;
    runningProduct: string;
    potPubkey: string;
    blsSignature: string;
  }[];
  ecdsaSignature: string;
}

/** What the coordinator refuses, or a network that is not there (`status` 0). */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly body: { signed?: SignedRefusal; movedTo?: MovedTo; location?: string } = {},
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }

  /** Whether the same call may go through a little later. */
  get passes(): boolean {
    const lasting = ["Queue::Draining", "Queue::Halted", "Session::Full"];
    return (
      this.status === 0 ||
      this.status === 408 ||
      this.status === 429 ||
      (this.status >= 500 && !lasting.includes(this.code) && this.code !== "Server::CoordinatorFault")
    );
  }
}

export interface Ask {
  method?: "GET" | "POST";
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Makes a call, and throws `Refused` for any answer that is not good. */
export async function ask(path: string, { method, token, body, headers, signal }: Ask = {}): Promise<Response> {
  const all: Record<string, string> = { ...headers };
  if (token !== undefined) all["authorization"] = `Bearer ${token}`;
  if (body !== undefined) all["content-type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: method ?? "GET",
      headers: all,
      credentials: "same-origin",
      redirect: "error",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, "Network", error instanceof Error ? error.message : String(error));
  }
  if (answer.ok) return answer;
  throw await refusal(answer.status, () => answer.text(), (name) => answer.headers.get(name));
}

export async function refusal(
  status: number,
  text: () => Promise<string>,
  header: (name: string) => string | null,
): Promise<Refused> {
  const after = Number(header("retry-after"));
  const retryAfter = Number.isFinite(after) && after > 0 ? after : null;
  try {
    const body = JSON.parse(await text()) as {
      code?: string;
      error?: string;
      message?: string;
      signed?: SignedRefusal;
      movedTo?: MovedTo;
      location?: string;
    };
    return new Refused(status, body.code ?? `HTTP ${status}`, body.error ?? body.message ?? `HTTP ${status}`, body, retryAfter);
  } catch {
    return new Refused(status, `HTTP ${status}`, `HTTP ${status}`, {}, retryAfter);
  }
}

/** Reads JSON whose form is trusted as far as its origin is: our own coordinator's. */
export async function json<T>(path: string, how?: Ask): Promise<T> {
  const answer = await ask(path, how);
  try {
    return (await answer.json()) as T;
  } catch (error) {
    throw new Refused(0, "Network", error instanceof Error ? error.message : String(error));
  }
}

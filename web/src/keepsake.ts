// What the coordinator has signed for this participant, kept in the browser and written as the file
// that `tauline audit --ticket` reads (crates/protocol/src/keepsake.rs).

import type { QueueStatus, SignedReceipt, SignedRefusal, SignedTicket } from "./protocol";

export interface KeptStay {
  ticket: string;
  checkpoint?: string;
  waiting?: string;
  ready?: string;
}

export interface Keepsake {
  v: 1;
  server: string;
  origin: string;
  logKey: string;
  identity: string;
  nonce?: string;
  stays?: KeptStay[];
  refusals?: string[];
  checkpoint?: string;
  receipt?: SignedReceipt;
}

/** Of what phase a signed promise is, and of which ticket. */
export function promiseOf(note: string): { phase: string; ticket: string; keptUntil: number } | null {
  const field = (name: string) => new RegExp(`^${name} (.+)$`, "m").exec(note)?.[1];
  const [phase, ticket, until] = [field("phase"), field("ticket"), field("kept-until")];
  if (!note.startsWith("tauline promise v1\n") || !phase || !ticket || !until) return null;
  return { phase, ticket, keptUntil: Number(until) };
}

const ticketOf = (note: string): string | undefined => /^ticket (\d+)$/m.exec(note)?.[1];

/** The keepsake with what a status brings. */
export function withStatus(kept: Keepsake | null, status: QueueStatus, server: string): Keepsake | null {
  let next = kept;
  if (status.signedTicket !== undefined) next = withTicket(kept, status.id, status.signedTicket, server);
  if (next === null) return null;
  if (status.promise !== undefined) next = withPromise(next, status.promise);
  if (status.receipt !== null) next = { ...next, receipt: status.receipt };
  return next;
}

function withTicket(kept: Keepsake | null, identity: string, signed: SignedTicket, server: string): Keepsake {
  const own = kept !== null && kept.identity === identity && kept.origin === signed.origin ? kept : null;
  const stays = own?.stays ?? [];
  const known = stays.some((it) => it.ticket === signed.ticket || ticketOf(it.ticket) === ticketOf(signed.ticket));
  return {
    v: 1,
    server,
    origin: signed.origin,
    logKey: signed.logKey,
    identity,
    nonce: signed.nonce,
    stays: known ? stays : [...stays, { ticket: signed.ticket, checkpoint: signed.checkpoint }],
    ...(own?.refusals === undefined ? {} : { refusals: own.refusals }),
    ...(own?.receipt === undefined ? {} : { receipt: own.receipt }),
    checkpoint: signed.checkpoint,
  };
}

/** The keepsake with a refusal, which may be all that there is. */
export function withRefusal(kept: Keepsake | null, identity: string, signed: SignedRefusal, server: string): Keepsake {
  const { refusal, nonce, origin, logKey } = signed;
  const own = kept !== null && kept.identity === identity && kept.origin === origin ? kept : null;
  const refusals = [...(own?.refusals ?? []), refusal];
  return { ...(own ?? { v: 1, server, origin, logKey, identity }), nonce, refusals };
}

function withPromise(kept: Keepsake, promise: string): Keepsake {
  const told = promiseOf(promise);
  if (told === null) return kept;
  const stays = (kept.stays ?? []).map((stay) =>
    ticketOf(stay.ticket) === told.ticket && (told.phase === "waiting" || told.phase === "ready")
      ? { ...stay, [told.phase]: promise }
      : stay,
  );
  return { ...kept, stays };
}

/** The file's text. */
export function keepsakeText(kept: Keepsake): string {
  const { v, server, origin, logKey, identity, nonce, stays, refusals, checkpoint, receipt } = kept;
  // In the order in which the program writes it; what is absent is left out.
  return JSON.stringify({ v, server, origin, logKey, identity, nonce, stays, refusals, checkpoint, receipt }, null, 2) + "\n";
}

const KEY = "tauline.keepsake";

export function load(identity: string): Keepsake | null {
  try {
    const text = localStorage.getItem(`${KEY}.${identity}`);
    return text === null ? null : (JSON.parse(text) as Keepsake);
  } catch {
    return null;
  }
}

export function save(kept: Keepsake): void {
  try {
    localStorage.setItem(`${KEY}.${kept.identity}`, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing still lets it be downloaded.
  }
}

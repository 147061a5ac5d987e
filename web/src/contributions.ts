// Single contributions: from the coordinator's own pieces (web/SERVER.md), or, while there are few,
// from the transcript.

import { ask, json, Refused, type CeremonyStatus, type Contribution } from "./protocol";
import { isNamed } from "./names";
import { state } from "./store";

/** Contributions of one piece of the list. */
export const PAGE = 256;
/** The longest transcript that a page fetches by itself, in bytes, as estimated. */
const SMALL = 12_000_000;

/** A line of the list. */
export interface Listed {
  number: number;
  identity: string | null;
  acceptedAt?: number;
  turnInMs?: number;
}

/** A piece of the list: columns, so that 256 lines are short. */
interface Piece {
  first: number;
  identities: string[];
  acceptedAt: number[];
  turnInMs: number[];
}

export class NotTold extends Error {}

const pieces = new Map<number, Promise<Listed[]>>();

/** Contributions PAGE·index + 1 to PAGE·(index + 1), as far as there are any. */
export async function piece(index: number, contributions: number): Promise<Listed[]> {
  const full = (index + 1) * PAGE <= contributions;
  const known = pieces.get(index);
  if (known !== undefined && full) return known;
  const read = readPiece(index);
  pieces.set(index, read);
  read.catch(() => pieces.delete(index));
  return read;
}

async function readPiece(index: number): Promise<Listed[]> {
  try {
    const { first, identities, acceptedAt, turnInMs } = await json<Piece>(`/ceremony/contributions/pages/${index}`);
    return identities.map((identity, i) => ({
      number: first + i,
      identity,
      ...(acceptedAt[i] === undefined ? {} : { acceptedAt: acceptedAt[i] }),
      ...(turnInMs[i] === undefined ? {} : { turnInMs: turnInMs[i] }),
    }));
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error;
  }
  const all = await transcript();
  const turns = new Map(state.turns.flatMap((it) => (it.number === undefined ? [] : [[it.number, it]])));
  return all.participantIds.slice(1).flatMap((identity, i) => {
    const number = i + 1;
    if (Math.floor(i / PAGE) !== index) return [];
    const turn = turns.get(number);
    const times = turn === undefined ? {} : { acceptedAt: turn.endedAt, turnInMs: turn.turnInMs };
    return [{ number, identity, ...times }];
  });
}

export async function one(number: number): Promise<Contribution | null> {
  try {
    return await json<Contribution>(`/ceremony/contributions/${number}`);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error;
    if (error.code !== "Request::NotFound") return null;
  }
  const all = await transcript();
  const identity = all.participantIds[number];
  if (number < 1 || identity === undefined) return null;
  const turn = state.turns.find((it) => it.number === number);
  return {
    number,
    identity,
    ...(turn === undefined ? {} : { ticket: turn.ticket, acceptedAt: turn.endedAt, turnInMs: turn.turnInMs }),
    ecdsaSignature: all.participantEcdsaSignatures[number] ?? "",
    subCeremonies: all.transcripts.map(({ witness }) => ({
      before: witness.runningProducts[number - 1]!,
      runningProduct: witness.runningProducts[number]!,
      potPubkey: witness.potPubkeys[number]!,
      blsSignature: witness.blsSignatures[number] ?? "",
    })),
  };
}

/** The number of this identity's contribution, as somebody would write the name. */
export async function find(query: string): Promise<number | null> {
  const asked = query.trim();
  if (/^#?\d{1,9}$/.test(asked)) {
    const number = Number(asked.replace("#", ""));
    return number >= 1 && number <= (state.status?.contributions ?? 0) ? number : null;
  }
  try {
    const { number } = await json<{ number: number }>(`/ceremony/contributions/find?who=${encodeURIComponent(asked)}`);
    return number;
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error;
    if (error.code !== "Request::NotFound") return null;
  }
  const all = await transcript();
  const found = all.participantIds.findIndex((identity, i) => i > 0 && isNamed(identity, asked));
  return found < 0 ? null : found;
}

interface Transcript {
  transcripts: { witness: { runningProducts: string[]; potPubkeys: string[]; blsSignatures: string[] } }[];
  participantIds: string[];
  participantEcdsaSignatures: string[];
}

let kept: { of: number; transcript: Promise<Transcript> } | null = null;

/** About how long the transcript is, in bytes. */
export function transcriptLength(status: CeremonyStatus): number {
  const powers = status.subCeremonies.reduce((sum, it) => sum + it.numG1Powers * 101 + it.numG2Powers * 197, 0);
  return powers + status.contributions * status.subCeremonies.length * 400;
}

async function transcript(): Promise<Transcript> {
  const { status } = state;
  if (status === null || transcriptLength(status) > SMALL) throw new NotTold();
  if (kept?.of !== status.contributions) {
    const read = ask("/ceremony/transcript").then((answer) => answer.json() as Promise<Transcript>);
    kept = { of: status.contributions, transcript: read };
    read.catch(() => (kept = null));
  }
  return kept.transcript;
}

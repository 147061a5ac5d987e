// Single contributions, as the coordinator tells them one by one and in pieces.

import { json, Refused, type Contribution } from "./protocol";
import { state } from "./store";

/** Contributions of one piece of the list. */
export const PAGE = 256;

/** A line of the list. */
export interface Listed {
  number: number;
  identity: string;
  acceptedAt?: number;
  turnInMs?: number;
}

/** A piece of the list: columns, so that 256 lines are short. What is not known is null. */
interface Piece {
  first: number;
  identities: string[];
  acceptedAt: (number | null)[];
  turnInMs: (number | null)[];
}

const pieces = new Map<number, Promise<Listed[]>>();

/**
 * What never changes is kept by browsers for a year. Another ceremony at the same address, as after a
 * rehearsal, is kept apart by its coordinator.
 */
const of = (): string => `?of=${state.status?.coordinatorAddress ?? ""}`;

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
  const path = `/ceremony/contributions/pages/${index}${of()}`;
  const told = await orNothing(json<Piece>(path));
  if (told === null) return [];
  const { first, identities, acceptedAt, turnInMs } = told;
  return identities.map((identity, i) => ({
    number: first + i,
    identity,
    ...(acceptedAt[i] == null ? {} : { acceptedAt: acceptedAt[i] }),
    ...(turnInMs[i] == null ? {} : { turnInMs: turnInMs[i] }),
  }));
}

export const one = (number: number): Promise<Contribution | null> =>
  orNothing(json<Contribution>(`/ceremony/contributions/${number}${of()}`));

/** The number of this identity's contribution, as somebody would write the name. */
export async function find(query: string): Promise<number | null> {
  const asked = query.trim();
  if (/^#?\d{1,9}$/.test(asked)) {
    const number = Number(asked.replace("#", ""));
    return number >= 1 && number <= (state.status?.contributions ?? 0) ? number : null;
  }
  const path = `/ceremony/contributions/find?who=${encodeURIComponent(asked)}`;
  return (await orNothing(json<{ number: number }>(path)))?.number ?? null;
}

/** What there is, or null. */
async function orNothing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused && error.code === "Contribution::Unknown") return null;
    throw error;
  }
}

// The documents of a turn in MessagePack (docs/spec/ceremony.md).

import { decode, encode } from "@msgpack/msgpack";
import { G1, G2 } from "./blst";
import { type Bytes } from "./bytes";
import type { SubCeremony } from "./protocol";

/** The powers of a sub-ceremony, its points one after another. */
export interface Powers {
  g1: Bytes;
  g2: Bytes;
}

export interface Base {
  subs: Powers[];
  compressed: boolean;
}

export class BadDocument extends Error {}

interface RawSub {
  numG1Powers?: unknown;
  numG2Powers?: unknown;
  powersOfTau?: { G1Powers?: unknown; G2Powers?: unknown };
}

/** Reads the powers that `contribution/start` hands out. */
export function readBase(bytes: Uint8Array, sizes: SubCeremony[]): Base {
  let document: { contributions?: unknown };
  try {
    document = decode(bytes) as { contributions?: unknown };
  } catch (error) {
    throw new BadDocument(String(error));
  }
  const subs = document?.contributions;
  if (!Array.isArray(subs) || subs.length !== sizes.length) throw new BadDocument("count");
  const first = (subs[0] as RawSub).powersOfTau?.G1Powers;
  const compressed = Array.isArray(first) && first[0] instanceof Uint8Array && first[0].length === G1.compressed;
  const form = compressed ? "compressed" : "uncompressed";
  return {
    compressed,
    subs: sizes.map((size, i) => {
      const sub = subs[i] as RawSub;
      if (sub.numG1Powers !== size.numG1Powers || sub.numG2Powers !== size.numG2Powers) throw new BadDocument("sizes");
      return {
        g1: points(sub.powersOfTau?.G1Powers, size.numG1Powers, G1[form]),
        g2: points(sub.powersOfTau?.G2Powers, size.numG2Powers, G2[form]),
      };
    }),
  };
}

function points(list: unknown, count: number, length: number): Bytes {
  if (!Array.isArray(list) || list.length !== count) throw new BadDocument("sizes");
  const whole = new Uint8Array(count * length);
  list.forEach((point: unknown, i) => {
    if (!(point instanceof Uint8Array) || point.length !== length) throw new BadDocument("points");
    whole.set(point, i * length);
  });
  return whole;
}

export interface Result extends Powers {
  publicKey: Bytes;
  signature: Bytes;
}

/** The contribution, its points compressed. */
export function writeContribution(subs: Result[], sizes: SubCeremony[], ecdsa: Uint8Array | null): Bytes {
  const document = {
    contributions: subs.map((sub, i) => ({
      numG1Powers: sizes[i]!.numG1Powers,
      numG2Powers: sizes[i]!.numG2Powers,
      powersOfTau: { G1Powers: split(sub.g1, G1.compressed), G2Powers: split(sub.g2, G2.compressed) },
      potPubkey: sub.publicKey,
      blsSignature: sub.signature,
    })),
    ecdsaSignature: ecdsa ?? new Uint8Array(0),
  };
  return encode(document) as Bytes;
}

function split(bytes: Uint8Array, length: number): Uint8Array[] {
  return Array.from({ length: bytes.length / length }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
}

/** About how long the contribution will be: what `contribution/probe` is asked about. */
export function contributionLength(sizes: SubCeremony[]): number {
  return sizes.reduce((sum, size) => sum + size.numG1Powers * 50 + size.numG2Powers * 98 + 280, 150);
}

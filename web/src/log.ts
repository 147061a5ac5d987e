// The public log: notes, checkpoints, tiles and proofs, as C2SP writes them
// (docs/spec/public-log.md).

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, equal, fromBase64, toBase64, toHex, utf8 } from "./bytes";
import { readEntry, tileNumber, type Entry } from "./log-lines";
import { coordinatorOf } from "./receipt";

export type Hash = Uint8Array;

export interface NoteSignature {
  name: string;
  /** Eight hex digits. */
  id: string;
  bytes: Uint8Array;
}

export interface Note {
  text: string;
  signatures: NoteSignature[];
}

export class NotProven extends Error {}

export function parseNote(note: string): Note {
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) throw new NotProven("this is no signed note");
  const lines = note.slice(split + 2, -1).split("\n");
  const signatures = lines.map((line) => {
    const found = /^— (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line);
    if (found === null) throw new NotProven("a signature of the note is not readable");
    const bytes = fromBase64(found[2]!);
    return { name: found[1]!, id: toHex(bytes.subarray(0, 4)), bytes: bytes.subarray(4) };
  });
  return { text: note.slice(0, split + 1), signatures };
}

export interface LogKey {
  name: string;
  id: string;
  key: Uint8Array;
  text: string;
}

export function parseKey(text: string): LogKey {
  const [name, id, encoded] = [...text.split("+", 2), text.split("+").slice(2).join("+")];
  if (!name || !id || !encoded) throw new NotProven("this is no key of a log");
  const bytes = fromBase64(encoded);
  if (bytes.length !== 33 || bytes[0] !== 1) throw new NotProven("the log's key is of another kind");
  const computed = sha256(concat(utf8(`${name}\n`), bytes)).subarray(0, 4);
  if (toHex(computed) !== id) throw new NotProven("the log's key does not fit its number");
  return { name, id, key: bytes.subarray(1), text };
}

/** The note's text, if this key has signed it. */
export function verifyNote(note: string, key: LogKey): Note {
  const parsed = parseNote(note);
  const own = parsed.signatures.filter((it) => it.name === key.name && it.id === key.id);
  const good = own.some((it) => ed25519.verify(it.bytes, utf8(parsed.text), key.key));
  if (!good) throw new NotProven(`${key.name} has not signed this`);
  return parsed;
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Hash;
  /** The names of those who have signed beside the log. Whether rightly, their keys would tell. */
  others: string[];
  text: string;
}

export function parseCheckpoint(note: string): Checkpoint {
  const { text, signatures } = parseNote(note);
  const [origin, size, root] = text.split("\n");
  if (!origin || !/^(0|[1-9]\d*)$/.test(size ?? "") || !root) throw new NotProven("this is no checkpoint");
  const others = signatures.filter((it) => it.name !== origin).map((it) => it.name);
  return { origin, size: Number(size), root: fromBase64(root), others, text: note };
}

/** What a coordinator signs of its log's key (`key_certificate` in crates/protocol). */
export function certificateText(origin: string, key: string): string {
  return `Tauline: this key signs the public log of my ceremony.\norigin: ${origin}\nkey: ${key}\n`;
}

export const leafHash = (entry: Uint8Array): Hash => sha256(concat(Uint8Array.of(0), entry));
export const nodeHash = (left: Hash, right: Hash): Hash => sha256(concat(Uint8Array.of(1), left, right));

export type Fetch = (path: string) => Promise<Response>;

/** Entries of a full tile. */
export const WIDTH = 256;

/** The tree of a checkpoint, read by its tiles. What is read is proven by the root or not at all. */
export class Tree {
  private readonly tiles = new Map<string, Promise<Uint8Array>>();

  constructor(
    readonly size: number,
    private readonly get: Fetch,
  ) {}

  private tile(kind: string, index: number, level: number): Promise<Uint8Array> {
    const total = Math.floor(this.size / WIDTH ** level);
    const width = Math.min(WIDTH, total - index * WIDTH);
    if (width <= 0) throw new NotProven("the log has no such entry");
    const path = `/log/tile/${kind}/${tileNumber(index)}${width < WIDTH ? `.p/${width}` : ""}`;
    let tile = this.tiles.get(path);
    if (tile === undefined) {
      tile = this.get(path).then(async (answer) => new Uint8Array(await answer.arrayBuffer()));
      this.tiles.set(path, tile);
      tile.catch(() => this.tiles.delete(path));
    }
    return tile;
  }

  /** The root over the 2^level entries from `index`·2^level on. */
  private async complete(level: number, index: number): Promise<Hash> {
    const [tileLevel, above] = [Math.floor(level / 8), level % 8];
    const first = index * 2 ** above;
    const tile = await this.tile(String(tileLevel), Math.floor(first / WIDTH), tileLevel);
    const at = (i: number) => tile.subarray((i % WIDTH) * 32, (i % WIDTH) * 32 + 32);
    let hashes = Array.from({ length: 2 ** above }, (_, i) => at(first + i));
    if (hashes.some((it) => it.length !== 32)) throw new NotProven("a tile is too short");
    while (hashes.length > 1) {
      hashes = Array.from({ length: hashes.length / 2 }, (_, i) => nodeHash(hashes[2 * i]!, hashes[2 * i + 1]!));
    }
    return hashes[0]!;
  }

  /** The root over entries `from` to `to`, of subtrees that hold neither `leaf` nor the cut. */
  private async root(from: number, to: number, leaf: { at: number; hash: Hash } | null, cut: number): Promise<Hash> {
    const length = to - from;
    const level = Math.log2(length);
    const holds = leaf !== null && leaf.at >= from && leaf.at < to;
    if (length === 1 && holds) return leaf.hash;
    if (Number.isInteger(level) && !holds && (cut <= from || cut >= to)) return this.complete(level, from / length);
    const half = 2 ** (Math.ceil(level) - 1);
    return nodeHash(
      await this.root(from, from + half, leaf, cut),
      await this.root(from + half, to, leaf, cut),
    );
  }

  /** Proves that the entry is at its place in the tree with this root. */
  async provesEntry(at: number, hash: Hash, root: Hash): Promise<void> {
    const computed = await this.root(0, this.size, { at, hash }, 0);
    if (!equal(computed, root)) throw new NotProven("the entry is not in the log");
  }

  /** Proves that this tree goes on from a smaller one. */
  async provesGrowth(older: { size: number; root: Hash }, root: Hash): Promise<void> {
    if (older.size > this.size) throw new NotProven("the log has shrunk");
    if (older.size > 0) {
      const then = await this.root(0, older.size, null, older.size);
      if (!equal(then, older.root)) throw new NotProven("the log is not the one that it was");
    }
    const now = await this.root(0, this.size, null, older.size);
    if (!equal(now, root)) throw new NotProven("the log's tiles are not those of its checkpoint");
  }

  /** The entries of a bundle, 256 from `index`·256 on. */
  async bundle(index: number): Promise<Uint8Array[]> {
    const bytes = await this.tile("entries", index, 0);
    const entries: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes[at]! * 256 + bytes[at + 1]!;
      entries.push(bytes.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    return entries;
  }
}

/**
 * The log as it is now: its checkpoint under the key that the coordinator certifies. Keys that came
 * later than the first (docs/spec/public-log.md#rotation) are looked for in the whole log.
 */
export async function readLog(get: Fetch, coordinator: string): Promise<{ checkpoint: Checkpoint; tree: Tree; key: LogKey }> {
  const note = await (await get("/log/checkpoint")).text();
  const checkpoint = parseCheckpoint(note);
  const tree = new Tree(checkpoint.size, get);
  const signed = new Set(parseNote(note).signatures.map((it) => it.id));
  for (let bundle = 0; bundle * WIDTH < checkpoint.size; bundle++) {
    for (const [i, bytes] of (await tree.bundle(bundle)).entries()) {
      const { notice } = readEntry(bytes);
      const told = notice?.opened ?? notice?.keyRotated ?? notice?.handedOver;
      if (told === undefined) continue;
      const key = parseKey(told.key);
      if (!signed.has(key.id)) continue;
      const by = coordinatorOf(certificateText(checkpoint.origin, told.key), told.certificate);
      if (by.toLowerCase() !== coordinator.toLowerCase()) {
        // After a handover the first certificate is the older coordinator's.
        continue;
      }
      verifyNote(note, key);
      await tree.provesEntry(bundle * WIDTH + i, leafHash(bytes), checkpoint.root);
      return { checkpoint, tree, key };
    }
  }
  throw new NotProven("the coordinator has not certified the key of its log");
}

/** The end of a stay in the log, looked for from the end on. */
export async function findEnd(
  tree: Tree,
  size: number,
  ticket: number,
  bundles = 40,
): Promise<{ at: number; entry: Entry; bytes: Uint8Array } | null> {
  const last = Math.floor((size - 1) / WIDTH);
  for (let bundle = last; bundle >= Math.max(0, last - bundles); bundle--) {
    const entries = await tree.bundle(bundle);
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = readEntry(entries[i]!);
      if (entry.queue?.["Ended"]?.ticket === ticket) return { at: bundle * WIDTH + i, entry, bytes: entries[i]! };
    }
  }
  return null;
}

/** The entry at a place of the log, if it is the end of this stay. */
export async function endAt(tree: Tree, at: number, ticket: number): Promise<{ at: number; entry: Entry; bytes: Uint8Array } | null> {
  const bytes = at < tree.size ? (await tree.bundle(Math.floor(at / WIDTH)))[at % WIDTH] : undefined;
  if (bytes === undefined) return null;
  const entry = readEntry(bytes);
  return entry.queue?.["Ended"]?.ticket === ticket ? { at, entry, bytes } : null;
}

/** What an accepted entry's digest is of (`witness_digest` in crates/protocol). */
export function witnessDigest(
  number: number,
  identity: string,
  parts: { runningProduct: Uint8Array; potPubkey: Uint8Array; blsSignature: Uint8Array }[],
  ecdsa: Uint8Array,
): string {
  const be = (value: number) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
    return bytes;
  };
  const field = (bytes: Uint8Array) => concat(be(bytes.length), bytes);
  const fields = [utf8("tauline accepted v1"), be(number), utf8(identity)];
  for (const part of parts) fields.push(part.runningProduct as never, part.potPubkey as never, part.blsSignature as never);
  fields.push(ecdsa as never);
  return toHex(sha256(concat(...fields.map(field))));
}

/** What stands for an identity in the log. */
export const commitment = (identity: string, nonce: Uint8Array): string =>
  toHex(sha256(concat(utf8(identity), nonce)));

/** The fields of a ticket, promise or refusal, without its first line. */
export function fields(text: string): Map<string, string> {
  const lines = text.trimEnd().split("\n").slice(1);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
}

export { fromBase64, toBase64 };

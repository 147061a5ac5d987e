// The log's notes, tiles and proofs; keepsakes and receipts: against the golden files of the crates
// and against a tree that is made here, naively.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { concat, fromHex, toHex, utf8 } from "../src/bytes";
import { keepsakeText, withStatus, type Keepsake } from "../src/keepsake";
import * as log from "../src/log";
import { tileNumber } from "../src/log-lines";
import type { QueueStatus } from "../src/protocol";
import { checksummed, coordinatorOf, verifyReceipt } from "../src/receipt";

const golden = (name: string) => readFileSync(new URL(`../../crates/protocol/tests/golden/${name}`, import.meta.url), "utf8");
const keepsake = JSON.parse(golden("keepsake.json")) as Keepsake;

test("tickets, promises and refusals verify by the key that they name", () => {
  const key = log.parseKey(keepsake.logKey);
  const stay = keepsake.stays![0]!;
  for (const note of [stay.ticket, stay.waiting!, ...keepsake.refusals!]) {
    assert.ok(log.verifyNote(note, key).text.startsWith("tauline "));
    assert.throws(() => log.verifyNote(note.replace("v1", "v2"), key), log.NotProven);
    assert.throws(() => log.verifyNote(note.trimEnd(), key), log.NotProven);
  }
  const told = log.fields(log.verifyNote(stay.ticket, key).text);
  assert.equal(log.commitment(keepsake.identity, fromHex(keepsake.nonce!)), told.get("commitment"));
});

test("a key is refused if its number is not its own", () => {
  assert.throws(() => log.parseKey(keepsake.logKey.replace("+b", "+c")), log.NotProven);
  assert.throws(() => log.parseKey("name"), log.NotProven);
});

test("the keepsake's file is the program's, byte for byte", () => {
  assert.equal(keepsakeText(keepsake), golden("keepsake.json"));
});

test("a keepsake takes in what a status brings", () => {
  const stay = keepsake.stays![0]!;
  const status = {
    ...(JSON.parse(golden("queue-status-waiting.json")) as QueueStatus),
    signedTicket: { ticket: stay.ticket, nonce: keepsake.nonce!, checkpoint: "c", origin: keepsake.origin, logKey: keepsake.logKey },
    promise: stay.waiting!,
  };
  const kept = withStatus(null, status, keepsake.server)!;
  assert.equal(kept.stays!.length, 1);
  assert.equal(kept.stays![0]!.waiting, stay.waiting);
  const again = withStatus(kept, { ...status, promise: stay.waiting!.replace("phase waiting", "phase ready") }, keepsake.server)!;
  assert.equal(again.stays!.length, 1);
  assert.ok(again.stays![0]!.ready !== undefined && again.stays![0]!.waiting !== undefined);
});

/** RFC 6962, as it is written down there. */
function naiveRoot(leaves: Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0]!;
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return log.nodeHash(naiveRoot(leaves.slice(0, half)), naiveRoot(leaves.slice(half)));
}

/** Serves the tiles of these leaves, and of no more of them than the tree has. */
function serve(leaves: Uint8Array[], spoil: (path: string, bytes: Uint8Array) => void = () => undefined): log.Fetch {
  const tiles = new Map<string, Uint8Array>();
  for (let level = 0, hashes = leaves; hashes.length > 0; level++) {
    for (let index = 0; index * 256 < hashes.length; index++) {
      const tile = hashes.slice(index * 256, index * 256 + 256);
      const path = `/log/tile/${level}/${tileNumber(index)}${tile.length < 256 ? `.p/${tile.length}` : ""}`;
      tiles.set(path, concat(...tile));
    }
    hashes = Array.from({ length: Math.floor(hashes.length / 256) }, (_, i) => naiveRoot(hashes.slice(i * 256, i * 256 + 256)));
  }
  return async (path) => {
    const tile = tiles.get(path);
    if (tile === undefined) throw new Error(`there is no ${path}`);
    const bytes = tile.slice();
    spoil(path, bytes);
    return new Response(bytes as Uint8Array<ArrayBuffer>);
  };
}

const leaves = Array.from({ length: 70_000 }, (_, i) => log.leafHash(utf8(`entry ${i}`)));

test("entries are proven to be in the tree, and others not", async () => {
  for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 1000, 65_536, 65_537, 70_000]) {
    const own = leaves.slice(0, size);
    const root = naiveRoot(own);
    const tree = new log.Tree(size, serve(own));
    for (const at of new Set([0, 1, Math.floor(size / 2), size - 2, size - 1].filter((it) => it >= 0 && it < size))) {
      await tree.provesEntry(at, own[at]!, root);
      await assert.rejects(() => tree.provesEntry(at, log.leafHash(utf8("other")), root), log.NotProven);
    }
  }
});

test("growth is proven, and a log that was changed is found out", async () => {
  for (const [older, size] of [[1, 2], [3, 7], [255, 257], [256, 512], [300, 1000], [65_536, 70_000], [1000, 1000], [0, 5]] as const) {
    const own = leaves.slice(0, size);
    const root = naiveRoot(own);
    const tree = new log.Tree(size, serve(own));
    const then = { size: older, root: older === 0 ? new Uint8Array(32) : naiveRoot(leaves.slice(0, older)) };
    await tree.provesGrowth(then, root);
    if (older > 0) {
      const other = { size: older, root: log.leafHash(utf8("another past")) };
      await assert.rejects(() => tree.provesGrowth(other, root), log.NotProven);
    }
    const spoilt = new log.Tree(size, serve(own, (_, bytes) => (bytes[0]! ^= 1)));
    await assert.rejects(() => spoilt.provesGrowth(then, root), log.NotProven);
  }
  const tree = new log.Tree(5, serve(leaves.slice(0, 5)));
  await assert.rejects(() => tree.provesGrowth({ size: 6, root: new Uint8Array(32) }, new Uint8Array(32)), log.NotProven);
});

test("tiles are numbered as C2SP does", () => {
  assert.equal(tileNumber(5), "005");
  assert.equal(tileNumber(1_234_067), "x001/x234/067");
  assert.equal(tileNumber(1000), "x001/000");
});

test("receipts verify by the coordinator's address alone", () => {
  const secret = new Uint8Array(32).fill(5);
  const address = checksummed(toHex(keccak_256(secp256k1.getPublicKey(secret, false).subarray(1)).subarray(12)));
  const receipt = JSON.stringify({ identity: "invite|alice", witness: ["0x00"] });
  const hash = keccak_256(utf8(`\x19Ethereum Signed Message:\n${receipt.length}${receipt}`));
  const signed = secp256k1.sign(hash, secret, { prehash: false, format: "recovered" });
  const signature = toHex(signed.subarray(1)) + toHex(Uint8Array.of(27 + signed[0]!));
  assert.equal(coordinatorOf(receipt, signature), address);
  assert.equal(verifyReceipt({ receipt, signature }, address.toLowerCase()).identity, "invite|alice");
  const changed = receipt.replace("alice", "mally");
  assert.throws(() => verifyReceipt({ receipt: changed, signature }, address));
});

test("the golden receipt is signed by somebody, and no longer once a letter is changed", () => {
  const { receipt, signature } = JSON.parse(golden("signed-receipt.json")) as { receipt: string; signature: string };
  const by = (() => {
    try {
      return coordinatorOf(receipt, signature);
    } catch {
      return null;
    }
  })();
  // Golden bodies may have made-up signatures: what matters is that nothing else is taken for the same.
  if (by !== null) assert.notEqual(coordinatorOf(`${receipt} `, signature), by);
});

test("addresses have the capitals of EIP-55", () => {
  for (const address of ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"]) {
    assert.equal(checksummed(address.toLowerCase()), address);
  }
});

// The WebAssembly module against @noble/curves, which shares no code with it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bls12_381 as noble } from "@noble/curves/bls12-381.js";
import { BadPoints, Blst, GENERATOR_G1, GENERATOR_G2 } from "../src/blst";
import { concat, fromHex, toHex, utf8 } from "../src/bytes";

const module = new WebAssembly.Module(readFileSync(new URL("../src/blst.wasm", import.meta.url)));
const ORDER = noble.fields.Fr.ORDER;

function scalarBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 255n);
  return bytes;
}

const random = () => BigInt("0x" + toHex(crypto.getRandomValues(new Uint8Array(48)))) % ORDER;
const g1 = (k: bigint) => noble.G1.Point.BASE.multiply(k);
const g2 = (k: bigint) => noble.G2.Point.BASE.multiply(k);

test("the module asks for nothing from outside", () => {
  assert.deepEqual(WebAssembly.Module.imports(module), []);
});

test("the generators are noble's", () => {
  assert.equal(noble.G1.Point.BASE.toHex(true), GENERATOR_G1);
  assert.equal(noble.G2.Point.BASE.toHex(true), GENERATOR_G2);
});

for (const compressed of [true, false]) {
  test(`points are multiplied by successive powers, ${compressed ? "compressed" : "uncompressed"}`, () => {
    const blst = new Blst(module);
    const x = random();
    blst.setSecret(3, scalarBytes(x));
    const start = 1234;
    const power = (i: number) => noble.fields.Fr.pow(x, BigInt(start + i));
    const own = [1n, 2n, ORDER - 1n, random(), random()];

    blst.begin(blst.scalars(3, start));
    const points1 = blst.multiplyG1(concat(...own.map((k) => g1(k).toBytes(compressed))), compressed);
    const expected1 = own.map((k, i) => g1((k * power(i)) % ORDER).toHex(true)).join("");
    assert.equal(toHex(points1), expected1);
    blst.checkG1();

    blst.begin(blst.scalars(3, start));
    const points2 = blst.multiplyG2(concat(...own.map((k) => g2(k).toBytes(compressed))), compressed);
    const expected2 = own.map((k, i) => g2((k * power(i)) % ORDER).toHex(true)).join("");
    assert.equal(toHex(points2), expected2);
  });
}

test("scalars are those asked for, and begin wipes them", () => {
  const blst = new Blst(module);
  const x = random();
  blst.setSecret(0, scalarBytes(x));
  for (const exponent of [0, 1, 2, 31, 32767]) {
    const both = blst.scalars(0, exponent);
    const expected = concat(scalarBytes(x), scalarBytes(noble.fields.Fr.pow(x, BigInt(exponent))));
    assert.equal(toHex(both), toHex(expected));
    blst.begin(both);
    assert.ok(both.every((byte) => byte === 0));
  }
});

test("drawn secrets differ, and their keys and signatures verify", () => {
  const blst = new Blst(module);
  blst.drawSecrets(16, utf8("typed by a person"));
  const keys = Array.from({ length: 16 }, (_, i) => blst.publicKey(i));
  assert.equal(new Set(keys.map(toHex)).size, 16);
  const identity = utf8("eth|0x00000000000000000000000000000000000000aa");
  const suite = { DST: "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_" };
  for (const i of [0, 15]) {
    const signature = blst.sign(i, identity);
    const hashed = noble.G1.hashToCurve(identity, suite) as never;
    const good = noble.shortSignatures.verify(signature, hashed, keys[i]!);
    assert.ok(good);
    assert.ok(blst.verifySignature(identity, signature, keys[i]!));
    assert.ok(!blst.verifySignature(utf8("eth|else"), signature, keys[i]!));
    assert.ok(!blst.verifySignature(identity, signature, keys[(i + 1) % 16]!));
  }
});

test("a signature is noble's, byte for byte", () => {
  const blst = new Blst(module);
  const x = random();
  blst.setSecret(0, scalarBytes(x));
  const message = utf8("git|583231|OctoCat");
  const point = noble.G1.hashToCurve(message, { DST: "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_" });
  assert.equal(toHex(blst.sign(0, message)), point.multiply(x).toHex(true));
  assert.equal(toHex(blst.publicKey(0)), g2(x).toHex(true));
});

test("the same randomness with other words gives other secrets", () => {
  const original = crypto.getRandomValues;
  crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => {
    if (array !== null) new Uint8Array(array.buffer, array.byteOffset, array.byteLength).fill(7);
    return array;
  };
  try {
    const key = (words: string) => {
      const blst = new Blst(module);
      blst.drawSecrets(1, utf8(words));
      return toHex(blst.publicKey(0));
    };
    assert.equal(key("a"), key("a"));
    assert.notEqual(key("a"), key("b"));
  } finally {
    crypto.getRandomValues = original;
  }
});

test("what is no point, infinite or outside the subgroup is refused", () => {
  const blst = new Blst(module);
  const wrong = (call: () => unknown, why: string) =>
    assert.throws(call, (error) => error instanceof BadPoints && error.wrong === why);
  const good = g1(5n).toBytes(false);
  const off = good.slice();
  off[95]! ^= 1;
  blst.begin(new Uint8Array(64).fill(3));
  wrong(() => blst.multiplyG1(off, false), "notAPoint");
  const infinite = new Uint8Array(96);
  infinite[0] = 0x40;
  wrong(() => blst.multiplyG1(infinite, false), "infinite");

  // On the curve, and not in the subgroup: small x until one is on it.
  const outside = (() => {
    for (let x = 1; ; x++) {
      const bytes = new Uint8Array(48);
      bytes[0] = 0x80;
      bytes[47] = x;
      try {
        const point = noble.G1.Point.fromBytes(bytes);
        if (!point.isTorsionFree()) return bytes;
      } catch {
        // Not on the curve, or refused by noble for the subgroup: blst tells them apart.
        try {
          new Blst(module).multiplyG1(bytes, true);
          return bytes;
        } catch {
          continue;
        }
      }
    }
  })();
  const many = Array.from({ length: 64 }, () => g1(random()).toBytes(true));
  many[40] = outside;
  blst.multiplyG1(concat(...many), true);
  wrong(() => blst.checkG1(), "notInGroup");
  blst.checkG1();

  const other = new Uint8Array(96);
  other[0] = 0x80;
  for (let x = 1; ; x++) {
    other[95] = x;
    try {
      blst.multiplyG2(other, true);
      assert.fail("a point outside the subgroup was multiplied");
    } catch (error) {
      assert.ok(error instanceof BadPoints);
      if (error.wrong === "notInGroup") break;
      assert.equal(error.wrong, "notAPoint");
    }
  }
});

test("pairings are compared", () => {
  const blst = new Blst(module);
  const [a, b] = [random(), random()];
  const product = (a * b) % ORDER;
  for (const compressed of [true, false]) {
    const one = g1(1n).toBytes(compressed);
    const equals = (c: bigint) =>
      blst.pairingsEqual(g1(a).toBytes(compressed), g2(b).toBytes(compressed), one, g2(c).toBytes(compressed));
    assert.ok(equals(product));
    assert.ok(!equals((product + 1n) % ORDER));
  }
});

test("nothing secret is left after wipe", () => {
  const blst = new Blst(module);
  const x = random();
  blst.setSecret(0, scalarBytes(x));
  blst.begin(blst.scalars(0, 1));
  blst.multiplyG1(g1(1n).toBytes(true), true);
  const { buffer } = (blst as unknown as { wasm: { memory: WebAssembly.Memory } }).wasm.memory;
  const memory = new Uint8Array(buffer);
  assert.ok(toHex(memory).includes(toHex(scalarBytes(x))));
  blst.wipe();
  assert.ok(memory.every((byte) => byte === 0));
  assert.equal(toHex(blst.scalars(0, 1).subarray(0, 32)), "00".repeat(32));
});

test("hex is read strictly", () => {
  assert.throws(() => fromHex("0x0g"));
  assert.throws(() => fromHex("123"));
});

// The WebAssembly module (wasm/tauline.c), with JavaScript's names and errors.

import type { Bytes } from "./bytes";

export const G1 = { compressed: 48, uncompressed: 96 } as const;
export const G2 = { compressed: 96, uncompressed: 192 } as const;
/** Bytes of the two scalars that make a worker multiply. */
export const SCALARS = 64;

export const WRONG = ["", "notAPoint", "infinite", "notInGroup", "badSecret", "notEqual", "tooMany"] as const;
export type Wrong = Exclude<(typeof WRONG)[number], "">;

export class BadPoints extends Error {
  constructor(readonly wrong: Wrong) {
    super(wrong);
  }
}

interface Exports {
  memory: WebAssembly.Memory;
  buffer(): number;
  draw_buffer(): number;
  draws_each(): number;
  batch(): number;
  wipe_buffer(): void;
  wipe(): void;
  draw_secret(index: number, length: number): number;
  set_secret(index: number): number;
  scalars(index: number, exponent: number): void;
  begin(): void;
  multiply_g1(count: number, compressed: number): number;
  check_g1(): number;
  multiply_g2(count: number, compressed: number): number;
  public_key(index: number): void;
  sign(index: number, length: number): void;
  verify_signature(length: number): number;
  pairings_equal(): number;
}

function good(code: number): void {
  if (code !== 0) throw new BadPoints((WRONG[code] || "notAPoint") as Wrong);
}

export class Blst {
  private wasm: Exports;
  private readonly at: number;
  /** Points of one call. */
  readonly batch: number;

  constructor(private readonly module: WebAssembly.Module) {
    this.wasm = this.fresh();
    this.at = this.wasm.buffer();
    this.batch = this.wasm.batch();
  }

  private fresh(): Exports {
    return new WebAssembly.Instance(this.module).exports as unknown as Exports;
  }

  private io(offset: number, length: number): Bytes {
    return new Uint8Array(this.wasm.memory.buffer, this.at + offset, length) as Bytes;
  }

  private read(length: number): Bytes {
    return this.io(0, length).slice();
  }

  /** Draws a secret for each sub-ceremony. The system's randomness never leaves the module. */
  drawSecrets(count: number, extra: Uint8Array): void {
    for (let i = 0; i < count; i++) {
      do {
        crypto.getRandomValues(this.io(0, 64));
        this.io(64, extra.length).set(extra);
      } while (this.wasm.draw_secret(i, 64 + extra.length) !== 0);
    }
  }

  /** For tests. */
  setSecret(index: number, littleEndian: Uint8Array): void {
    this.io(0, 32).set(littleEndian);
    good(this.wasm.set_secret(index));
  }

  /** x and x^exponent, for `begin` in another worker. Whoever has it wipes it. */
  scalars(index: number, exponent: number): Bytes {
    this.wasm.scalars(index, exponent);
    const both = this.read(SCALARS);
    this.io(0, SCALARS).fill(0);
    return both;
  }

  /** Takes what `scalars` gave, and wipes it. */
  begin(scalars: Uint8Array): void {
    this.io(0, SCALARS).set(scalars);
    scalars.fill(0);
    this.wasm.begin();
  }

  /** Multiplies points of G1 by the next factors. Returns them compressed. */
  multiplyG1(points: Uint8Array, compressed: boolean): Bytes {
    const count = points.length / (compressed ? G1.compressed : G1.uncompressed);
    const draws = count * this.wasm.draws_each();
    crypto.getRandomValues(new Uint8Array(this.wasm.memory.buffer, this.wasm.draw_buffer(), draws));
    this.io(0, points.length).set(points);
    good(this.wasm.multiply_g1(count, compressed ? 1 : 0));
    return this.read(count * G1.compressed);
  }

  /** Throws unless every point that `multiplyG1` was given is in the subgroup. */
  checkG1(): void {
    good(this.wasm.check_g1());
  }

  multiplyG2(points: Uint8Array, compressed: boolean): Bytes {
    const count = points.length / (compressed ? G2.compressed : G2.uncompressed);
    this.io(0, points.length).set(points);
    good(this.wasm.multiply_g2(count, compressed ? 1 : 0));
    return this.read(count * G2.compressed);
  }

  publicKey(index: number): Bytes {
    this.wasm.public_key(index);
    return this.read(G2.compressed);
  }

  sign(index: number, message: Uint8Array): Bytes {
    this.io(0, message.length).set(message);
    this.wasm.sign(index, message.length);
    return this.read(G1.compressed);
  }

  verifySignature(message: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean {
    this.io(0, G1.compressed).set(signature);
    this.io(G1.compressed, G2.compressed).set(key);
    this.io(144, message.length).set(message);
    return this.wasm.verify_signature(message.length) === 0;
  }

  /** Whether e(a, b) = e(c, d). Throws if one of them is no point of its group. */
  pairingsEqual(a: Uint8Array, b: Uint8Array, c: Uint8Array, d: Uint8Array): boolean {
    this.io(0, a.length).set(a);
    this.io(96, c.length).set(c);
    this.io(192, b.length).set(b);
    this.io(384, d.length).set(d);
    const code = this.wasm.pairings_equal();
    if (code === 5) return false;
    good(code);
    return true;
  }

  /** Overwrites all of the module's memory, its stack too, and begins anew. */
  wipe(): void {
    this.wasm.wipe();
    new Uint8Array(this.wasm.memory.buffer).fill(0);
    this.wasm = this.fresh();
  }
}

/** The generators, as Zcash encodes them. */
export const GENERATOR_G1 =
  "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
export const GENERATOR_G2 =
  "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e" +
  "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8";

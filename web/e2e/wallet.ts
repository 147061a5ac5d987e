// A wallet with a real key, for pages that ask for one.

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import type { Page } from "puppeteer-core";
import { concat, fromHex, toHex, utf8 } from "../src/bytes";
import { checksummed } from "../src/receipt";

type Types = Record<string, { name: string; type: string }[]>;
interface Typed {
  types: Types;
  primaryType: string;
  domain: Record<string, unknown>;
  message: Record<string, unknown>;
}

/** EIP-712, as far as these types go. */
function typedHash({ types, primaryType, domain, message }: Typed): Uint8Array {
  const typeOf = (name: string): string => {
    const used = new Set<string>();
    const visit = (of: string) => {
      for (const { type } of types[of] ?? []) {
        const bare = type.replace("[]", "");
        if (types[bare] && bare !== name && !used.has(bare)) {
          used.add(bare);
          visit(bare);
        }
      }
    };
    visit(name);
    const one = (of: string) => `${of}(${types[of]!.map((it) => `${it.type} ${it.name}`).join(",")})`;
    return [name, ...[...used].sort()].map(one).join("");
  };
  const word = (value: bigint) => fromHex(value.toString(16).padStart(64, "0"));
  const encode = (type: string, value: unknown): Uint8Array => {
    if (type.endsWith("[]")) return keccak_256(concat(...(value as unknown[]).map((it) => encode(type.slice(0, -2), it))));
    if (types[type]) return struct(type, value as Record<string, unknown>);
    if (type === "uint256") return word(BigInt(value as number));
    if (type === "string") return keccak_256(utf8(value as string));
    return keccak_256(fromHex(value as string));
  };
  const struct = (name: string, value: Record<string, unknown>): Uint8Array =>
    keccak_256(concat(keccak_256(utf8(typeOf(name))), ...types[name]!.map((it) => encode(it.type, value[it.name]))));
  return keccak_256(concat(Uint8Array.of(0x19, 1), struct("EIP712Domain", domain), struct(primaryType, message)));
}

export class TestWallet {
  private readonly key = crypto.getRandomValues(new Uint8Array(32));
  readonly address = checksummed(toHex(keccak_256(secp256k1.getPublicKey(this.key, false).subarray(1)).subarray(12)));
  /** The person says no to messages. */
  declines = false;
  /** What it was asked, in this order. */
  readonly asked: string[] = [];

  /** As coordinators name its account. */
  get identity(): string {
    return `eth|${this.address.toLowerCase()}`;
  }

  private sign(hash: Uint8Array): string {
    const signed = secp256k1.sign(hash, this.key, { prehash: false, format: "recovered" });
    return `0x${toHex(signed.subarray(1))}${toHex(Uint8Array.of(27 + signed[0]!))}`;
  }

  private answer(method: string, params: string[]): unknown {
    this.asked.push(method);
    switch (method) {
      case "eth_requestAccounts":
        return [this.address.toLowerCase()];
      case "personal_sign": {
        if (this.declines) return null;
        const message = fromHex(params[0]!);
        return this.sign(keccak_256(concat(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message)));
      }
      case "eth_signTypedData_v4":
        return this.sign(typedHash(JSON.parse(params[1]!) as Typed));
      default:
        throw new Error(method);
    }
  }

  /** Puts it into a page: one that announces itself (EIP-6963), or one that is just there, as older ones were. */
  async injectInto(page: Page, how: "announced" | "older"): Promise<void> {
    await page.exposeFunction("walletAnswer", (method: string, params: string[]) => this.answer(method, params));
    await page.evaluateOnNewDocument((isOlder) => {
      const provider = {
        async request({ method, params }: { method: string; params?: unknown[] }) {
          const { walletAnswer } = window as unknown as { walletAnswer(method: string, params: unknown[]): Promise<unknown> };
          const answer = await walletAnswer(method, params ?? []);
          if (answer === null) throw Object.assign(new Error("no"), { code: 4001 });
          return answer;
        },
      };
      if (isOlder) {
        Object.assign(window, { ethereum: provider });
        return;
      }
      const detail = { info: { uuid: "1", name: "Testwallet" }, provider };
      const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
      window.addEventListener("eip6963:requestProvider", announce);
    }, how === "older");
  }
}

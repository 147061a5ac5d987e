// Signing in with a wallet that has a real key, and signing the contribution with it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import type { Browser } from "puppeteer-core";
import { concat, fromHex, toHex, utf8 } from "../src/bytes";
import { checksummed } from "../src/receipt";
import { browse, clickText, Coordinator, Front, Other, waitForText } from "./harness";

const key = crypto.getRandomValues(new Uint8Array(32));
const address = checksummed(toHex(keccak_256(secp256k1.getPublicKey(key, false).subarray(1)).subarray(12)));

function sign(hash: Uint8Array): string {
  const signed = secp256k1.sign(hash, key, { prehash: false, format: "recovered" });
  return `0x${toHex(signed.subarray(1))}${toHex(Uint8Array.of(27 + signed[0]!))}`;
}

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

function answer(method: string, params: string[]): unknown {
  switch (method) {
    case "eth_requestAccounts":
      return [address.toLowerCase()];
    case "personal_sign": {
      const message = fromHex(params[0]!);
      return sign(keccak_256(concat(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message)));
    }
    case "eth_signTypedData_v4":
      return sign(typedHash(JSON.parse(params[1]!) as Typed));
    default:
      throw new Error(method);
  }
}

let front: Front;
let coordinator: Coordinator;
let browser: Browser;

before(async () => {
  front = await Front.start();
  coordinator = await Coordinator.start(front, ["--ceremony", "16:4,32:4", "--signin", "siwe,invite"]);
  browser = await browse();
});

after(async () => {
  await browser?.close();
  await coordinator?.stop();
  front?.stop();
});

test("a wallet signs in, signs the contribution, and both are in the transcript", async () => {
  const bob = await Other.join(front.url, "bob");
  await bob.start();
  const page = await browser.newPage();
  page.on("dialog", (dialog) => void dialog.accept());
  // esbuild names functions by a helper, which a page does not have.
  await page.evaluateOnNewDocument("window.__name = (named) => named");
  await page.exposeFunction("walletAnswer", answer);
  let declines = true;
  await page.exposeFunction("walletDeclines", () => declines);
  await page.evaluateOnNewDocument(() => {
    const provider = {
      async request({ method, params }: { method: string; params?: unknown[] }) {
        const own = window as unknown as {
          walletAnswer(method: string, params: unknown[]): Promise<unknown>;
          walletDeclines(): Promise<boolean>;
        };
        if (method === "personal_sign" && (await own.walletDeclines())) throw Object.assign(new Error("no"), { code: 4001 });
        return own.walletAnswer(method, params ?? []);
      },
    };
    const announce = () =>
      window.dispatchEvent(
        new CustomEvent("eip6963:announceProvider", { detail: { info: { uuid: "1", name: "Testwallet" }, provider } }),
      );
    window.addEventListener("eip6963:requestProvider", announce);
  });
  await page.goto(`${front.url}/take-part`);
  await clickText(page, "Sign in with Testwallet");
  await waitForText(page, "You declined. You can try again.");
  declines = false;
  await clickText(page, "Sign in with Testwallet");
  await waitForText(page, `You are eth|${address.toLowerCase()}`);
  await page.waitForSelector("[data-trial]", { timeout: 30_000 });
  await clickText(page, "Join the line");
  await waitForText(page, "You are next.");
  await clickText(page, "Sign with the wallet");
  await waitForText(page, "Signed.");
  await bob.abort();
  await waitForText(page, "You are contributor 1.", 60_000);
  const transcript = (await (await fetch(`${front.url}/ceremony/transcript`)).json()) as {
    participantIds: string[];
    participantEcdsaSignatures: string[];
  };
  assert.equal(transcript.participantIds[1], `eth|${address.toLowerCase()}`);
  // The coordinator keeps only a signature that recovers to the account.
  assert.match(transcript.participantEcdsaSignatures[1]!, /^0x[0-9a-f]{130}$/);
  await waitForText(page, "bound to exactly what this page has sent");
  assert.equal(await page.$$eval(".checks .bad", (all) => all.length), 0);
});

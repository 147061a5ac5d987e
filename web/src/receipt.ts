// Receipts, and whom the coordinator's signatures are of (docs/spec/ceremony.md#receipt).

import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { concat, fromHex, toHex, utf8 } from "./bytes";
import type { SignedReceipt } from "./protocol";

/** An address with the capitals of EIP-55. */
export function checksummed(address: string): string {
  const digits = address.toLowerCase().replace(/^0x/, "");
  const hash = toHex(keccak_256(utf8(digits)));
  return "0x" + [...digits].map((digit, i) => (parseInt(hash[i]!, 16) >= 8 ? digit.toUpperCase() : digit)).join("");
}

/** Who has signed this text as an EIP-191 personal message: an address. */
export function coordinatorOf(text: string, signature: string): string {
  const bytes = fromHex(signature);
  if (bytes.length !== 65) throw new Error("a signature has 65 bytes");
  const message = utf8(text);
  const hash = keccak_256(concat(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message));
  const recovery = bytes[64]! - 27;
  if (recovery !== 0 && recovery !== 1) throw new Error("the signature's last byte is 27 or 28");
  const parsed = secp256k1.Signature.fromBytes(bytes.subarray(0, 64), "compact").addRecoveryBit(recovery);
  return addressOf(parsed.recoverPublicKey(hash));
}

type Key = ReturnType<typeof secp256k1.Point.fromHex>;

/** The address of a public key, which may be given as 66 hex digits. */
export function addressOf(key: Key | string): string {
  const point = typeof key === "string" ? secp256k1.Point.fromHex(key) : key;
  return checksummed(toHex(keccak_256(point.toBytes(false).subarray(1)).subarray(12)));
}

export interface Receipt {
  identity: string;
  witness: string[];
}

/** The receipt, if this coordinator has signed it. Throws otherwise. */
export function verifyReceipt({ receipt, signature }: SignedReceipt, coordinator: string): Receipt {
  const signer = coordinatorOf(receipt, signature);
  if (signer.toLowerCase() !== coordinator.toLowerCase()) {
    throw new Error(`${signer} has signed this receipt, not ${coordinator}`);
  }
  return JSON.parse(receipt) as Receipt;
}

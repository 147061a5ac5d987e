// Wallets in the browser: EIP-6963 tells which there are, EIP-1193 asks them.

import { json, type LoginAnswer, type NonceAnswer, type SubCeremony } from "./protocol";
import { toHex, utf8 } from "./bytes";

export interface Provider {
  request(call: { method: string; params?: unknown[] }): Promise<unknown>;
}

export interface Wallet {
  id: string;
  name: string;
  provider: Provider;
}

interface Announced {
  info: { uuid: string; name: string };
  provider: Provider;
}

/** Tells of each wallet as it announces itself. Returns how to stop. */
export function findWallets(found: (wallets: Wallet[]) => void): () => void {
  const wallets = new Map<string, Wallet>();
  const announce = (event: Event) => {
    const { info, provider } = (event as CustomEvent<Announced>).detail;
    wallets.set(info.uuid, { id: info.uuid, name: String(info.name).slice(0, 40), provider });
    found([...wallets.values()]);
  };
  addEventListener("eip6963:announceProvider", announce);
  dispatchEvent(new Event("eip6963:requestProvider"));
  // Older wallets are just there.
  const older = (window as { ethereum?: Provider }).ethereum;
  if (older !== undefined && wallets.size === 0) {
    found([{ id: "window.ethereum", name: "Ethereum", provider: older }]);
  }
  return () => removeEventListener("eip6963:announceProvider", announce);
}

/** EIP-1193: 4001 is the person's own no. */
export const isDeclined = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 4001;

export async function account({ provider }: Wallet): Promise<string> {
  const [address] = (await provider.request({ method: "eth_requestAccounts" })) as string[];
  if (address === undefined) throw new Error("the wallet shows no account");
  return address;
}

/** The message that signs in, as EIP-4361 writes it. */
export function siweMessage(nonce: NonceAnswer, address: string, issuedAt: Date): string {
  return [
    `${nonce.domain} wants you to sign in with your Ethereum account:`,
    address,
    "",
    "I take part in this ceremony.",
    "",
    `URI: ${nonce.uri}`,
    "Version: 1",
    `Chain ID: ${nonce.chainId}`,
    `Nonce: ${nonce.nonce}`,
    `Issued At: ${issuedAt.toISOString()}`,
  ].join("\n");
}

export async function personalSign({ provider }: Wallet, message: string, address: string): Promise<string> {
  const params = ["0x" + toHex(utf8(message)), address];
  return (await provider.request({ method: "personal_sign", params })) as string;
}

/** Signs in with an account of this wallet. */
export async function signInWith(wallet: Wallet): Promise<LoginAnswer> {
  const { checksummed } = await import("./receipt");
  const address = checksummed(await account(wallet));
  const nonce = await json<NonceAnswer>("/login/nonce");
  const message = siweMessage(nonce, address, new Date());
  const signature = await personalSign(wallet, message, address);
  return json<LoginAnswer>("/login", { method: "POST", body: { siwe: { message, signature } } });
}

/** What a wallet signs of a contribution (docs/spec/ceremony.md#ecdsa-signature). */
export function contributionTypedData(sizes: SubCeremony[], publicKeys: string[]): object {
  return {
    types: {
      EIP712Domain: [
        { name: "name", type: "string" },
        { name: "version", type: "string" },
        { name: "chainId", type: "uint256" },
      ],
      contributionPubkey: [
        { name: "numG1Powers", type: "uint256" },
        { name: "numG2Powers", type: "uint256" },
        { name: "potPubkey", type: "bytes" },
      ],
      PoTPubkeys: [{ name: "potPubkeys", type: "contributionPubkey[]" }],
    },
    primaryType: "PoTPubkeys",
    domain: { name: "Ethereum KZG Ceremony", version: "1.0", chainId: 1 },
    message: {
      potPubkeys: sizes.map(({ numG1Powers, numG2Powers }, i) => ({
        numG1Powers,
        numG2Powers,
        potPubkey: `0x${publicKeys[i]}`,
      })),
    },
  };
}

export async function signContribution(wallet: Wallet, address: string, data: object): Promise<string> {
  const params = [address, JSON.stringify(data)];
  return (await wallet.provider.request({ method: "eth_signTypedData_v4", params })) as string;
}

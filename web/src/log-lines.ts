// What of the log is read without any cryptography, so that watching needs none.

/** An entry, as far as the page reads it. */
export interface Entry {
  v: number;
  at: number;
  queue?: Record<string, { ticket?: number; outcome?: string; id?: string } | undefined>;
  accepted?: { number: number; digest: string; nonce: string };
  because?: string;
  notice?: {
    opened?: { origin: string; key: string; coordinator: string; certificate: string };
    keyRotated?: { key: string; certificate: string };
    handedOver?: { coordinator: string; key: string; certificate: string };
    handingOver?: { to: string; url?: string };
  };
}

export const readEntry = (bytes: Uint8Array): Entry => JSON.parse(new TextDecoder().decode(bytes)) as Entry;

/** The number of a tile as its path has it: x001/x234/067. */
export function tileNumber(index: number): string {
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  return groups.join("/");
}

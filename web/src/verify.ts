// Verification in the page. Everything here is checked by this code, from what anybody can fetch.

import { Blst, GENERATOR_G1, GENERATOR_G2 } from "./blst";
import { fromHex, utf8 } from "./bytes";
import { keepsakeText, promiseOf, type Keepsake } from "./keepsake";
import * as log from "./log";
import { readEntry } from "./log-lines";
import { ask, type Contribution, type MovedTo, type SignedReceipt } from "./protocol";
import { addressOf, checksummed, verifyReceipt } from "./receipt";
import type { Done } from "./store";
import { fullTime, t } from "./texts";

export interface Check {
  text: string;
  result: "good" | "bad" | "pending" | "told";
  why?: string;
}

export type Tell = (checks: Check[]) => void;

const get: log.Fetch = (path) => ask(path);

/** A list of checks that are told as they are made. */
class Checks {
  private readonly all: Check[] = [];

  constructor(private readonly tell: Tell) {}

  add(text: string, result: Check["result"], why?: string): void {
    this.all.push({ text, result, ...(why === undefined ? {} : { why }) });
    this.tell([...this.all]);
  }

  /** Makes a check, and says what came of it. Returns nothing if it failed. */
  async run<T>(text: string, check: () => T | Promise<T>): Promise<T | undefined> {
    try {
      const value = await check();
      this.add(text, "good");
      return value;
    } catch (error) {
      this.add(text, "bad", error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}

interface Seen {
  size: number;
  root: string;
  at: number;
}

const seenKey = (origin: string) => `tauline.seen.${origin}`;

/** The log as it is now; that it goes on from what this browser saw before. */
async function theLog(checks: Checks, coordinator: string) {
  let read: Awaited<ReturnType<typeof log.readLog>>;
  try {
    read = await log.readLog(get, coordinator);
    checks.add(t("check.logKey", { size: read.checkpoint.size }), "good");
  } catch (error) {
    checks.add(t("verify.log"), "bad", error instanceof Error ? error.message : String(error));
    return null;
  }
  return read;
}

export async function checkLog(coordinator: string, tell: Tell): Promise<void> {
  const checks = new Checks(tell);
  const read = await theLog(checks, coordinator);
  if (read === null) return;
  const { checkpoint, tree } = read;
  const key = seenKey(checkpoint.origin);
  const seen = JSON.parse(localStorage.getItem(key) ?? "null") as Seen | null;
  let grown = true;
  if (seen === null) checks.add(t("check.firstVisit"), "good");
  else {
    const text = t("check.growth", { when: fullTime(seen.at), size: seen.size });
    const older = { size: seen.size, root: log.fromBase64(seen.root) };
    grown = (await checks.run(text, () => tree.provesGrowth(older, checkpoint.root).then(() => true))) ?? false;
  }
  if (checkpoint.others.length > 0) checks.add(t("check.cosigned", { names: checkpoint.others.join(", ") }), "good");
  else checks.add(t("check.cosignedNone"), "told");
  if (grown) {
    const now: Seen = { size: checkpoint.size, root: log.toBase64(checkpoint.root), at: Date.now() };
    localStorage.setItem(key, JSON.stringify(now));
  }
}

/** That the log says where the ceremony went: its last entry, in a tree that is signed. */
export async function checkMoved(coordinator: string, movedTo: MovedTo, tell: Tell): Promise<void> {
  const checks = new Checks(tell);
  const read = await theLog(checks, coordinator);
  if (read === null) return;
  const { checkpoint, tree } = read;
  await checks.run(t("check.moved", { address: movedTo.coordinatorAddress }), async () => {
    const at = checkpoint.size - 1;
    const bytes = (await tree.bundle(Math.floor(at / log.WIDTH))).at(-1)!;
    const { to, url } = readEntry(bytes).notice?.handingOver ?? {};
    if (to === undefined || to !== movedTo.key || url !== movedTo.url) throw new Error(t("check.movedOtherwise"));
    if (addressOf(to) !== movedTo.coordinatorAddress) throw new Error(addressOf(to));
    await tree.provesEntry(at, log.leafHash(bytes), checkpoint.root);
  });
}

/** What this page can check of its own accepted contribution. Returns its number. */
export async function checkOwn(done: Done, kept: Keepsake | null, coordinator: string, tell: Tell): Promise<number | null> {
  const checks = new Checks(tell);
  const receipt = await checks.run(t("check.receiptSigned", { address: coordinator }), () =>
    verifyReceipt(done.receipt, coordinator),
  );
  if (receipt !== undefined && done.own !== null) {
    const { publicKeys } = done.own;
    await checks.run(t("check.receiptYours"), () => {
      const keys = receipt.witness.map((it) => it.replace(/^0x/, ""));
      if (receipt.identity !== done.identity) throw new Error(receipt.identity);
      if (keys.join() !== publicKeys.join()) throw new Error(t("done.otherRun"));
    });
  }
  // The end of the stay is in the signed log a moment after it is in force.
  for (let attempt = 0; attempt < 20; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 3000));
    try {
      const { checkpoint } = await log.readLog(get, coordinator);
      const tree = new log.Tree(checkpoint.size, get);
      const end = done.ticket === null ? null : await log.findEnd(tree, checkpoint.size, done.ticket);
      if (end !== null) break;
    } catch {
      // Said below, if it lasts.
    }
  }
  const read = await theLog(checks, coordinator);
  if (read === null) return null;
  await checkTickets(checks, kept, read);
  if (done.ticket === null) return null;
  const { checkpoint, tree } = read;
  const end = await log.findEnd(tree, checkpoint.size, done.ticket);
  const accepted = end?.entry.accepted;
  if (end === null || accepted === undefined) {
    checks.add(t("check.end", { number: "?", entry: "?" }), "pending", t("check.pending"));
    return null;
  }
  await checks.run(t("check.end", { number: accepted.number, entry: end.at }), () =>
    tree.provesEntry(end.at, log.leafHash(end.bytes), checkpoint.root),
  );
  if (done.own !== null) {
    const { publicKeys, runningProducts, signatures, ecdsa } = done.own;
    await checks.run(t("check.digest"), () => {
      const parts = publicKeys.map((key, i) => ({
        runningProduct: fromHex(runningProducts[i]!),
        potPubkey: fromHex(key),
        blsSignature: fromHex(signatures[i]!),
      }));
      const digest = log.witnessDigest(accepted.number, done.identity, parts, fromHex(ecdsa));
      if (digest !== accepted.digest) throw new Error(accepted.digest);
    });
  }
  return accepted.number;
}

type Log = NonNullable<Awaited<ReturnType<typeof theLog>>>;

async function checkTickets(checks: Checks, kept: Keepsake | null, { checkpoint, tree, key }: Log): Promise<void> {
  if (kept === null) return;
  const keyOf = (note: string) => {
    // A ticket from before the log's key was replaced is signed with the older one.
    const ids = log.parseNote(note).signatures.map((it) => it.id);
    return ids.includes(key.id) ? key : log.parseKey(kept.logKey);
  };
  for (const stay of kept.stays ?? []) {
    const entry = Number(/^entry (\d+)$/m.exec(stay.ticket)?.[1]);
    await checks.run(t("check.ticket", { entry }), async () => {
      const told = log.fields(log.verifyNote(stay.ticket, keyOf(stay.ticket)).text);
      if (told.get("origin") !== checkpoint.origin) throw new Error(String(told.get("origin")));
      if (kept.nonce !== undefined && log.commitment(kept.identity, fromHex(kept.nonce)) !== told.get("commitment")) {
        throw new Error(String(told.get("commitment")));
      }
      await tree.provesEntry(entry, fromHex(told.get("leaf") ?? ""), checkpoint.root);
    });
    for (const [promise, text] of [
      [stay.waiting, t("check.promise")],
      [stay.ready, t("check.promiseTurn")],
    ] as const) {
      if (promise === undefined || promiseOf(promise) === null) continue;
      await checks.run(text, () => void log.verifyNote(promise, keyOf(promise)));
    }
  }
  for (const refusal of kept.refusals ?? []) {
    const code = /^code (.+)$/m.exec(refusal)?.[1] ?? "?";
    await checks.run(t("check.refusal", { code }), () => void log.verifyNote(refusal, keyOf(refusal)));
  }
}

/** Checks a file that somebody kept: a receipt, or tickets. */
export async function checkFile(text: string, coordinator: string, tell: Tell): Promise<void> {
  const checks = new Checks(tell);
  let file: Partial<Keepsake & SignedReceipt>;
  try {
    file = JSON.parse(text) as typeof file;
    if (file === null || typeof file !== "object") throw new Error("JSON");
  } catch (error) {
    checks.add(t("verify.fileBad", { why: String(error) }), "bad");
    return;
  }
  const isReceipt = typeof file.receipt === "string" && typeof file.signature === "string";
  const isKeepsake = file.v === 1 && typeof file.logKey === "string" && typeof file.identity === "string";
  if (!isReceipt && !isKeepsake) {
    checks.add(t("verify.fileBad", { why: Object.keys(file).slice(0, 5).join(", ") }), "bad");
    return;
  }
  const signed = isReceipt ? (file as unknown as SignedReceipt) : file.receipt;
  if (signed !== undefined) {
    const receipt = await checks.run(t("check.receiptSigned", { address: coordinator }), () =>
      verifyReceipt(signed, coordinator),
    );
    if (receipt !== undefined) checks.add(t("check.receiptNames", { identity: receipt.identity }), "good");
  }
  if (isReceipt) return;
  const kept = file as Keepsake;
  const read = await theLog(checks, coordinator);
  if (read !== null) await checkTickets(checks, kept, read);
}

let blst: Promise<Blst> | null = null;

async function pairings(load: () => Promise<WebAssembly.Module>): Promise<Blst> {
  blst ??= load().then((module) => new Blst(module));
  return blst;
}

const point = (hex: string) => fromHex(hex);

/** Whether a contribution goes on from the one before, by its own keys. */
export function followsFrom(blst: Blst, part: Contribution["subCeremonies"][number]): boolean {
  const key = point(part.potPubkey);
  return blst.pairingsEqual(point(part.before), key, point(part.runningProduct), fromHex(GENERATOR_G2));
}

/** Checks one contribution by itself, and the log's word on it. */
export async function checkContribution(
  it: Contribution,
  coordinator: string,
  load: () => Promise<WebAssembly.Module>,
  tell: Tell,
): Promise<void> {
  const checks = new Checks(tell);
  const module = await pairings(load);
  for (const [i, part] of it.subCeremonies.entries()) {
    await checks.run(t("check.update", { part: i + 1 }), () => {
      if (it.number === 1 && part.before.replace(/^0x/, "") !== GENERATOR_G1) throw new Error(part.before);
      if (!followsFrom(module, part)) throw new Error(part.potPubkey);
    });
    if (part.blsSignature === "") checks.add(t("check.blsNone", { part: i + 1 }), "good");
    else {
      await checks.run(t("check.bls", { part: i + 1 }), () => {
        const names = [it.identity];
        const [kind, id, login] = it.identity.split("|");
        // GitHub names have two spellings in signatures (docs/spec/ceremony.md#github-spellings).
        if (kind === "git" && login !== undefined) names.push(`git|${id}|@${login.replace(/^@/, "").toLowerCase()}`);
        const [signature, key] = [point(part.blsSignature), point(part.potPubkey)];
        if (!names.some((name) => module.verifySignature(utf8(name), signature, key))) throw new Error(it.identity);
      });
    }
  }
  if (it.ticket === undefined) return;
  const { ticket } = it;
  const read = await theLog(checks, coordinator);
  if (read === null) return;
  const { checkpoint, tree } = read;
  const told = it.entry === undefined ? null : await log.endAt(tree, it.entry, ticket);
  const end = told ?? (await log.findEnd(tree, checkpoint.size, ticket));
  const accepted = end?.entry.accepted;
  if (end === null || accepted === undefined) {
    // Where witnesses are slow, the log that is shown may end before it.
    checks.add(t("check.digestOf", { entry: it.entry ?? "?" }), "pending", t("check.pending"));
    return;
  }
  await checks.run(t("check.digestOf", { entry: end.at }), async () => {
    const parts = it.subCeremonies.map((part) => ({
      runningProduct: point(part.runningProduct),
      potPubkey: point(part.potPubkey),
      blsSignature: point(part.blsSignature),
    }));
    const digest = log.witnessDigest(it.number, it.identity, parts, fromHex(it.ecdsaSignature));
    if (digest !== accepted.digest || accepted.number !== it.number) throw new Error(accepted.digest);
    await tree.provesEntry(end.at, log.leafHash(end.bytes), checkpoint.root);
  });
}

/** Checks that contributions go on from one another, the newest first. */
export async function checkChain(
  numbers: number[],
  read: (number: number) => Promise<Contribution | null>,
  load: () => Promise<WebAssembly.Module>,
  progress: (done: number) => void,
): Promise<void> {
  const module = await pairings(load);
  let later: Contribution | null = null;
  for (const [i, number] of numbers.entries()) {
    const it = await read(number);
    if (it === null) throw new Error(String(number));
    for (const [k, part] of it.subCeremonies.entries()) {
      if (!followsFrom(module, part)) throw new Error(`${number}/${k + 1}`);
      const next = later?.subCeremonies[k];
      if (next !== undefined && next.before !== part.runningProduct) throw new Error(`${number}/${k + 1}`);
    }
    later = it;
    progress(i + 1);
    // The page stays alive.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

export { checksummed, keepsakeText };

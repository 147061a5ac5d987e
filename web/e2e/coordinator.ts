// A real coordinator, other participants, and the providers that it asks.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as listener, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Front } from "./front";

const programs = resolve(process.env.TAULINE_PROGRAMS ?? fileURLToPath(new URL("../../target/debug", import.meta.url)));

/** The path of a program. */
function built(name: string): string {
  const path = join(programs, name);
  if (existsSync(path)) return path;
  throw new Error(`there is no ${path}: build it (cargo build --bins), or say in TAULINE_PROGRAMS where the programs are`);
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether nobody listens on a port. */
async function isFree(port: number): Promise<boolean> {
  const server = listener();
  const listens = new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  const free = await listens;
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

let nextPort = 20_000 + ((process.pid * 97) % 12_000);

/**
 * A port on which nobody listens, and which the system gives to nobody who asks for any: it chooses those itself
 * that begin at 32,768.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort;
    nextPort = port < 31_999 ? port + 1 : 20_000;
    if (await isFree(port)) return port;
  }
}

const NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia", "peggy", "rupert", "sybil", "trent", "victor", "walter"];

/** The invitation of one of them. */
export const codeOf = (name: string): string => `code-of-${name}-12345`;

/** How a program ended, and what it said. */
export interface Ended {
  code: number | null;
  output: string;
}

// A test that fails in the middle leaves nothing running.
const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

export class Coordinator {
  private child: ChildProcess | null = null;
  private readonly others: Coordinator[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), "tauline-e2e-"));

  private constructor(
    private readonly front: Front,
    readonly port: number,
    private readonly settings: string[],
  ) {}

  static async start(front: Front, settings: string[]): Promise<Coordinator> {
    const coordinator = new Coordinator(front, await freePort(), settings);
    await coordinator.run();
    return coordinator;
  }

  /** One more, which does not run yet, and stops with this one. */
  async another(front: Front, settings: string[]): Promise<Coordinator> {
    const more = new Coordinator(front, await freePort(), settings);
    this.others.push(more);
    return more;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get data(): string {
    return join(this.folder, "data");
  }

  /** What it has written to its log. */
  get log(): string {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  async run(...more: string[]): Promise<void> {
    const invites = join(this.folder, "invites");
    writeFileSync(invites, NAMES.map((name) => `${name} ${codeOf(name)}\n`).join(""), { mode: 0o600 });
    const settings = ["--listen", `127.0.0.1:${this.port}`, "--public-url", this.front.url, "--data-dir", this.data];
    const invited = this.settings.some((it) => it.split(",").includes("invite")) ? ["--invites", invites] : [];
    const limits = [...invited, "--login-rate", "0", "--anonymous-rate", "0"];
    const log = openSync(join(this.folder, "log"), "a");
    const all = [...settings, ...limits, ...this.settings, ...more];
    const child = spawn(built("tauline-server"), all, { stdio: ["ignore", "ignore", log] });
    this.child = child;
    children.add(child);
    for (let i = 0; !(await this.answers()); i++) {
      if (child.exitCode !== null || i >= 200) throw new Error(`the coordinator does not start:\n${this.log}`);
      await sleep(50);
    }
    await this.front.leadTo(this.port);
  }

  private async answers(): Promise<boolean> {
    const answer = await fetch(`${this.url}/ceremony/status`).catch(() => null);
    return answer?.ok ?? false;
  }

  /** Ends it; its data stay. */
  async end(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
    children.delete(child);
    this.child = null;
  }

  async stop(): Promise<void> {
    for (const other of this.others) await other.stop();
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async status(): Promise<{ contributions: number; queueLength: number; mode: string; turn: { ticket: number } | null }> {
    return (await (await fetch(`${this.url}/ceremony/status`)).json()) as never;
  }

  /** Who has contributed, in this order. */
  async participants(): Promise<string[]> {
    const transcript = (await (await fetch(`${this.url}/ceremony/transcript`)).json()) as { participantIds: string[] };
    return transcript.participantIds.slice(1);
  }

  async admin(...order: string[]): Promise<string> {
    const { code, output } = await this.tauline("admin", "--data-dir", this.data, ...order);
    if (code !== 0) throw new Error(output);
    return output;
  }

  /** The public key by which a ceremony can be handed to this one. */
  async publicKey(): Promise<string> {
    const { output } = await this.program("tauline-server", "--data-dir", this.data, "public-key").ended;
    const key = /\b0[23][0-9a-f]{64}\b/.exec(output)?.[0];
    if (key === undefined) throw new Error(output);
    return key;
  }

  /** Runs our own client program to its end. */
  tauline(...args: string[]): Promise<Ended> {
    return this.program("tauline", ...args).ended;
  }

  program(name: string, ...args: string[]): { ended: Promise<Ended>; said: () => string } {
    const child = spawn(built(name), args, { stdio: ["ignore", "pipe", "pipe"], cwd: this.folder });
    let output = "";
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr.on("data", (data: Buffer) => (output += data.toString()));
    children.add(child);
    const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, output })));
    void ended.then(() => children.delete(child));
    return { ended, said: () => output };
  }
}

/** A participant without a browser, who does only what the test says. */
export class Other {
  private stays: NodeJS.Timeout | undefined;

  private constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  static async join(url: string, name: string): Promise<Other> {
    const login = await fetch(`${url}/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ invite: codeOf(name) }),
    });
    const { token } = (await login.json()) as { token: string };
    const other = new Other(url, token);
    await other.call("/queue/join");
    return other;
  }

  async call(path: string): Promise<{ queueStatus: string }> {
    const answer = await fetch(`${this.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${this.token}` } });
    // An identity is good for one stay: whoever has aborted does not come back.
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as { queueStatus: string };
  }

  /** Is heard of every other second, and so keeps the place, until it leaves. */
  stay(): this {
    this.stays = setInterval(() => void this.call("/queue/checkin").catch(() => undefined), 2000);
    return this;
  }

  /** Waits as our own programs do, which hold their check-ins. Resolves when the turn has come. */
  async turn(): Promise<void> {
    for (let word = "queued"; word !== "readyToContribute"; ) {
      word = (await this.call("/queue/checkin?wait=5")).queueStatus;
    }
  }

  /** Joins, takes the turn and does nothing with it, so that others wait. */
  static async block(url: string, name: string): Promise<Other> {
    const other = await Other.join(url, name);
    await other.call("/contribution/start");
    return other;
  }

  abort(): Promise<unknown> {
    return this.call("/contribution/abort");
  }

  leave(): Promise<unknown> {
    clearInterval(this.stays);
    return this.call("/queue/leave");
  }
}

/** An OAuth provider in the manner of GitHub, with one account that always agrees. */
export class Provider {
  /** Whose account it is. */
  user: object = { id: 583_231, login: "OctoCat", created_at: "2011-01-25T18:44:36Z", type: "User", name: null };
  /** The person says no. */
  declines = false;
  private readonly challenges = new Map<string, string>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Provider> {
    const provider: Provider = new Provider(
      createServer((asked, response) => {
        const url = new URL(asked.url ?? "/", "http://127.0.0.1");
        if (url.pathname === "/authorize") {
          response.writeHead(302, { location: provider.authorize(url.searchParams) }).end();
          return;
        }
        let body = "";
        asked.on("data", (data: Buffer) => (body += data.toString()));
        asked.on("end", () => {
          const [status, answer] =
            url.pathname === "/token"
              ? provider.token(new URLSearchParams(body), asked.headers.authorization)
              : provider.account(asked.headers.authorization);
          response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
        });
      }),
    );
    await new Promise<void>((resolve) => provider.server.listen(0, "127.0.0.1", resolve));
    return provider;
  }

  private authorize(asked: URLSearchParams): string {
    const back = new URL(asked.get("redirect_uri") ?? "");
    back.searchParams.set("state", asked.get("state") ?? "");
    if (this.declines) {
      back.searchParams.set("error", "access_denied");
      return back.href;
    }
    const code = `code-${this.challenges.size}-of-this-test`;
    this.challenges.set(code, asked.get("code_challenge") ?? "");
    back.searchParams.set("code", code);
    return back.href;
  }

  private token(asked: URLSearchParams, authorization: string | undefined): [number, object] {
    const basic = Buffer.from("tauline-e2e:secret-of-the-test").toString("base64");
    const challenge = createHash("sha256").update(asked.get("code_verifier") ?? "").digest("base64url");
    const code = asked.get("code") ?? "";
    if (authorization !== `Basic ${basic}` || this.challenges.get(code) !== challenge) {
      return [200, { error: "bad_verification_code" }];
    }
    this.challenges.delete(code);
    return [200, { access_token: "token-of-this-test", token_type: "bearer", scope: "" }];
  }

  private account(authorization: string | undefined): [number, object] {
    return authorization === "Bearer token-of-this-test" ? [200, this.user] : [401, { message: "Bad credentials" }];
  }

  get settings(): string[] {
    const url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    const client = ["--github-client-id", "tauline-e2e", "--github-client-secret", "secret-of-the-test"];
    return [...client, "--github-auth-url", `${url}/authorize`, "--github-token-url", `${url}/token`, "--github-user-url", `${url}/user`];
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** An Ethereum node for which every account has sent so many transactions. */
export async function ethereumNode(transactions: number): Promise<{ url: string; stop: () => void }> {
  const server = createServer((asked, response) => {
    let body = "";
    asked.on("data", (data: Buffer) => (body += data.toString()));
    asked.on("end", () => {
      const { id, method } = JSON.parse(body) as { id: unknown; method: string };
      const results: Record<string, string> = { eth_chainId: "0x1", eth_getCode: "0x", eth_getTransactionCount: `0x${transactions.toString(16)}` };
      const answer = method in results ? { result: results[method] } : { error: { code: -32601, message: "no such method" } };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() };
}

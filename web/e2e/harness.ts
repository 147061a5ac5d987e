// A real coordinator, a front that serves the built page as the coordinator will, and a browser.

import { type ChildProcess, spawn } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as listener, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

const dist = fileURLToPath(new URL("../dist", import.meta.url));

/** What the coordinator will send with the page (web/SERVER.md). */
export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; " +
  "connect-src 'self' https:; worker-src 'self'; font-src 'none'; frame-ancestors 'none'; base-uri 'none'; " +
  "form-action 'self'";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves the page and passes everything else on. */
export class Front {
  /** While true, nobody gets an answer, and connections break. */
  down = false;
  /** Answers of our own, by path. */
  readonly fakes = new Map<string, Handler>();
  private readonly sockets = new Set<Socket>();
  coordinatorPort = 0;
  onRequest: (path: string) => void = () => undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Front> {
    const front: Front = new Front(createServer((request, response) => front.answer(request, response)));
    front.server.on("connection", (socket) => {
      if (front.down) socket.destroy();
      front.sockets.add(socket);
      socket.on("close", () => front.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => front.server.listen(0, "127.0.0.1", resolve));
    return front;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  breakDown(): void {
    this.down = true;
    for (const socket of this.sockets) socket.destroy();
  }

  json(path: string, value: unknown | (() => unknown)): void {
    this.fakes.set(path, (_, response) => {
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(typeof value === "function" ? (value as () => unknown)() : value));
    });
  }

  private answer(asked: IncomingMessage, response: ServerResponse): void {
    const path = (asked.url ?? "/").split("?")[0]!;
    this.onRequest(path);
    const fake = this.fakes.get(path);
    if (fake !== undefined) return fake(asked, response);
    const isPage = /^\/(take-part|verify|about|sign-in|contributions(\/\d+)?)?$/.test(path);
    const file = join(dist, isPage ? "index.html" : path);
    if (isPage || (file.startsWith(dist) && /^\/(assets\/|favicon)/.test(path) && existsSync(file))) {
      response.writeHead(200, {
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": isPage ? "no-cache" : "public, max-age=31536000, immutable",
      });
      createReadStream(file).pipe(response);
      return;
    }
    const onward = request(
      { host: "127.0.0.1", port: this.coordinatorPort, method: asked.method, path: asked.url, headers: asked.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    asked.pipe(onward);
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

export async function freePort(): Promise<number> {
  const server = listener();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const programs = process.env.TAULINE_PROGRAMS ?? "/work/main/target/debug";

export class Coordinator {
  private child: ChildProcess | null = null;
  readonly folder = mkdtempSync(join(tmpdir(), "tauline-e2e-"));

  constructor(
    private readonly front: Front,
    private readonly port: number,
    private readonly settings: string[],
  ) {}

  static async start(front: Front, settings: string[]): Promise<Coordinator> {
    const port = await freePort();
    front.coordinatorPort = port;
    const coordinator = new Coordinator(front, port, settings);
    await coordinator.run();
    return coordinator;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get data(): string {
    return join(this.folder, "data");
  }

  async run(): Promise<void> {
    const names = ["alice", "bob", "carol", "dave", "erin", "frank"];
    const invites = join(this.folder, "invites");
    writeFileSync(invites, names.map((name) => `${name} code-of-${name}-1\n`).join(""));
    const settings = ["--listen", `127.0.0.1:${this.port}`, "--public-url", this.front.url, "--data-dir", this.data];
    const all = [...settings, "--invites", invites, "--login-rate", "0", "--anonymous-rate", "0", ...this.settings];
    this.child = spawn(join(programs, "tauline-server"), all, { stdio: ["ignore", "ignore", "inherit"] });
    for (let i = 0; i < 100; i++) {
      try {
        if ((await fetch(`${this.url}/ceremony/status`)).ok) return;
      } catch {
        // Not yet.
      }
      await sleep(100);
    }
    throw new Error("the coordinator does not start");
  }

  /** Stops it; its data stay. */
  async halt(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    this.child = null;
  }

  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async admin(...order: string[]): Promise<void> {
    const { code, output } = await this.tauline("admin", "--data-dir", this.data, ...order);
    if (code !== 0) throw new Error(output);
  }

  /** Runs our own client program. */
  async tauline(...args: string[]): Promise<{ code: number | null; output: string }> {
    const child = spawn(join(programs, "tauline"), args, { stdio: ["ignore", "pipe", "pipe"], cwd: this.folder });
    let output = "";
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr.on("data", (data: Buffer) => (output += data.toString()));
    const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
    return { code, output };
  }
}

/** A participant without a browser, who does only what the test says. */
export class Other {
  private constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  static async join(url: string, name: string): Promise<Other> {
    const login = await fetch(`${url}/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ invite: `code-of-${name}-1` }),
    });
    const { token } = (await login.json()) as { token: string };
    const other = new Other(url, token);
    await other.call("/queue/join");
    return other;
  }

  async call(path: string): Promise<{ queueStatus: string }> {
    const answer = await fetch(`${this.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${this.token}` } });
    return (await answer.json()) as { queueStatus: string };
  }

  /** Takes the turn and does nothing with it. */
  start(): Promise<unknown> {
    return this.call("/contribution/start");
  }

  abort(): Promise<unknown> {
    return this.call("/contribution/abort");
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function browse(args: string[] = []): Promise<Browser> {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en-US", ...args],
  });
}

export async function waitForText(page: Page, text: string | RegExp, timeout = 20_000): Promise<void> {
  const source = typeof text === "string" ? text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") : text.source;
  try {
    await page.waitForFunction((pattern) => new RegExp(pattern).test(document.body.innerText), { timeout, polling: 50 }, source);
  } catch {
    const shown = await page.evaluate(() => document.body.innerText);
    throw new Error(`"${source}" is not shown. Shown is:\n${shown}`);
  }
}

export async function clickText(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll<HTMLButtonElement>("button, a")].some((it) => it.innerText.includes(wanted) && !it.disabled),
    { timeout: 20_000, polling: 100 },
    text,
  );
  await page.evaluate((wanted) => {
    const all = [...document.querySelectorAll<HTMLButtonElement>("button, a")];
    all.find((it) => it.innerText.includes(wanted) && !it.disabled)!.click();
  }, text);
}

/** Signs in with an invitation and joins. */
export async function joinAs(page: Page, name: string): Promise<void> {
  await page.waitForSelector("#invite");
  await page.type("#invite", `code-of-${name}-1`);
  await clickText(page, "Sign in with the code");
  await page.waitForSelector("#entropy");
  await page.type("#entropy", "the quick brown fox");
  await page.waitForSelector("[data-trial]", { timeout: 30_000 });
  await clickText(page, "Join the line");
}

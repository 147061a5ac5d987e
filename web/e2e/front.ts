// What stands between a browser and the coordinator: a server that passes everything on, and that can lose
// connections, be slow, and tell what was asked and what the page's policy has stopped.

import { existsSync, readFileSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { extname, join } from "node:path";
import { Transform } from "node:stream";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));

/** The page's policy, where there is no coordinator to send it (docs/spec/http-api.md#page). */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; " +
  "connect-src 'self' https:; worker-src 'self'; font-src 'none'; frame-ancestors 'none'; base-uri 'none'; " +
  "form-action 'self'";

/** Where browsers report what the policy has stopped, in the page and in its workers. */
const REPORTS = "/policy-reports";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A connection that breaks once: after so many bytes of the request's body, or of the answer's. */
interface Cut {
  of: "request" | "answer";
  after: number;
  happens: () => void;
}

export class Front {
  /** While true, nobody gets an answer, and connections break. */
  down = false;
  /** Answers of our own, by path. */
  readonly fakes = new Map<string, Handler>();
  /** What browsers said that the page's policy has stopped. */
  readonly reports: string[] = [];
  onRequest: (path: string) => void = () => undefined;
  private readonly sockets = new Set<Socket>();
  private readonly cuts = new Map<string, Cut>();
  private readonly rates = new Map<string, number>();
  private readonly others: Front[] = [];
  private coordinatorPort = 0;
  /** The headers of the coordinator's own page, when it has other files than `dist`. */
  private headers: Record<string, string> | null = { "content-security-policy": POLICY };

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Front> {
    const front: Front = new Front(createServer((asked, response) => front.answer(asked, response)));
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

  /** Goes to a coordinator from now on. Its own files are served if they are those of `dist`. */
  async leadTo(port: number): Promise<void> {
    this.coordinatorPort = port;
    const own = await fetch(`http://127.0.0.1:${port}/`);
    const isOurs = (await own.text()) === readFileSync(join(dist, "index.html"), "utf8");
    if (isOurs) {
      this.headers = null;
      return;
    }
    if (process.env.TAULINE_OWN_PAGE === "1") throw new Error("the programs have another page than web/dist: build them again");
    const kept = ["content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options", "cross-origin-opener-policy"];
    this.headers = Object.fromEntries(kept.map((name) => [name, own.headers.get(name) ?? ""]));
  }

  breakDown(): void {
    this.down = true;
    for (const socket of this.sockets) socket.destroy();
  }

  /** Breaks the next such request off, in its body or in its answer's. Resolves when that has happened. */
  cut(path: string, of: Cut["of"], after: number): Promise<void> {
    return new Promise((happens) => this.cuts.set(path, { of, after, happens }));
  }

  /** So many bytes a second, for bodies and answers of this path. */
  slow(path: string, rate: number): void {
    this.rates.set(path, rate);
  }

  /** Answers this instead of the coordinator. */
  json(path: string, value: unknown, status = 200): void {
    this.fakes.set(path, (_, response) => {
      response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(value));
    });
  }

  /** A ceremony with this status, without a coordinator. */
  status(value: unknown): void {
    this.json("/ceremony/status", value);
    this.fakes.set("/ceremony/events", (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(`event: status\ndata: ${JSON.stringify(value)}\n\n`);
    });
  }

  private answer(asked: IncomingMessage, response: ServerResponse): void {
    const path = (asked.url ?? "/").split("?")[0]!;
    this.onRequest(path);
    if (path === REPORTS) return this.report(asked, response);
    const fake = this.fakes.get(path);
    if (fake !== undefined) return fake(asked, response);
    if (this.headers !== null && this.answerFromDist(path, this.headers, response)) return;
    this.passOn(asked, response, path);
  }

  private report(asked: IncomingMessage, response: ServerResponse): void {
    let text = "";
    asked.on("data", (data: Buffer) => (text += data.toString()));
    asked.on("end", () => {
      this.reports.push(text);
      response.writeHead(204).end();
    });
  }

  private answerFromDist(path: string, headers: Record<string, string>, response: ServerResponse): boolean {
    const isPage = /^\/(take-part|verify|about|sign-in|contributions(\/\d+)?)?$/.test(path);
    const file = join(dist, isPage ? "index.html" : path);
    const isFile = file.startsWith(dist) && /^\/(assets\/|favicon)/.test(path) && existsSync(file);
    if (!isPage && !isFile) return false;
    const packed = gzipSync(readFileSync(file));
    response.writeHead(200, {
      ...headers,
      "content-encoding": "gzip",
      "content-length": packed.length,
      "content-security-policy": reporting(headers["content-security-policy"]!),
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "cache-control": isPage ? "no-cache" : "public, max-age=31536000, immutable",
    });
    response.end(packed);
    return true;
  }

  private passOn(asked: IncomingMessage, response: ServerResponse, path: string): void {
    const cut = this.cuts.get(path);
    this.cuts.delete(path);
    const rate = this.rates.get(path);
    const breaks = () => {
      asked.socket.destroy();
      onward.destroy();
      cut?.happens();
    };
    const onward = request(
      { host: "127.0.0.1", port: this.coordinatorPort, method: asked.method, path: asked.url, headers: asked.headers },
      (answer) => {
        const policy = answer.headers["content-security-policy"];
        if (typeof policy === "string") answer.headers["content-security-policy"] = reporting(policy);
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(through(rate, cut?.of === "answer" ? cut.after : null, breaks)).pipe(response);
        answer.on("error", () => response.destroy());
      },
    );
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    asked.pipe(through(rate, cut?.of === "request" ? cut.after : null, breaks)).pipe(onward);
  }

  /** One more, which stops with this one. */
  async another(): Promise<Front> {
    const more = await Front.start();
    this.others.push(more);
    return more;
  }

  stop(): void {
    for (const other of this.others) other.stop();
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

const reporting = (policy: string): string => `${policy}; report-uri ${REPORTS}`;

/** Passes bytes on: so many a second, and up to so many, after which it breaks. */
function through(rate: number | undefined, upTo: number | null, breaks: () => void): Transform {
  let passed = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      passed += chunk.length;
      const part = upTo !== null && passed >= upTo ? chunk.subarray(0, chunk.length - (passed - upTo)) : chunk;
      const go = () => {
        done(null, part);
        if (upTo !== null && passed >= upTo) setTimeout(breaks, 20);
      };
      if (rate === undefined) go();
      else setTimeout(go, (part.length / rate) * 1000);
    },
    flush(done) {
      // What was shorter than expected breaks at its end.
      if (upTo !== null && passed < upTo) breaks();
      done();
    },
  });
}

// A browser, the people in it, and what is asked of every page that they see.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import puppeteer, { type Browser as Chromium, type BrowserContext, type ElementHandle, type Page } from "puppeteer-core";
import { codeOf } from "./coordinator";
import type { Front } from "./front";

const [NARROW, WIDE] = [
  { width: 360, height: 740 },
  { width: 1280, height: 900 },
];

/** What Chromium asks for itself: updates, the time, how to fill in forms. No page asks these. */
const CHROMIUMS_OWN =
  /^(http:\/\/)?(update|content-autofill|optimizationguide-pa|safebrowsing)\.googleapis\.com\b|^(http:\/\/)?(accounts|clients2|android\.clients)\.google\.com\b|^(http:\/\/)?redirector\.gvt1\.com\b/;

export interface How {
  /** As a person's browser does, which slows tabs in the background down. */
  throttles?: boolean;
  args?: string[];
}

/** Chromium. Whatever it asks of others than this machine is refused and remembered. */
export class Browser {
  private constructor(
    readonly chromium: Chromium,
    /** Hosts other than this machine that anything was asked of. */
    readonly strangers: string[],
    private readonly stopProxy: () => void,
  ) {}

  static async start({ throttles = false, args = [] }: How = {}): Promise<Browser> {
    const strangers: string[] = [];
    const remember = (url: string) => {
      if (!CHROMIUMS_OWN.test(url)) strangers.push(url);
    };
    const proxy = createServer((asked, response) => {
      remember(asked.url ?? "");
      response.writeHead(403).end();
    });
    proxy.on("connect", (asked, socket) => {
      remember(asked.url ?? "");
      socket.destroy();
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const through = `--proxy-server=http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const chromium = await puppeteer.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en-US", through, ...args],
      ignoreDefaultArgs: throttles
        ? ["--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"]
        : [],
    });
    return new Browser(chromium, strangers, () => proxy.close());
  }

  async stop(): Promise<void> {
    await this.chromium.close();
    this.stopProxy();
  }
}

/** A person, with a browser profile of their own. */
export class Person {
  readonly complaints: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly downloads: string,
    private readonly browser: Browser,
    private readonly front: Front,
  ) {}

  static async at(front: Front, browser: Browser, path: string): Promise<Person> {
    const downloads = mkdtempSync(join(tmpdir(), "tauline-e2e-downloads-"));
    const context = await browser.chromium.createBrowserContext({ downloadBehavior: { policy: "allow", downloadPath: downloads } });
    await context.overridePermissions(front.url, ["clipboard-read", "clipboard-sanitized-write"]);
    const person: Person = new Person(context, await context.newPage(), downloads, browser, front);
    await person.prepare(person.page);
    await person.page.goto(front.url + path);
    return person;
  }

  /** Another tab of the same browser. */
  async tab(path: string): Promise<Page> {
    const page = await this.context.newPage();
    await this.prepare(page);
    await page.goto(this.front.url + path);
    return page;
  }

  async prepare(page: Page): Promise<void> {
    page.on("dialog", (dialog) => void dialog.accept());
    // esbuild names functions by a helper, which a page does not have.
    await page.evaluateOnNewDocument("window.__name = (named) => named");
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      // Chromium asks nobody whether to leave a page that was not touched yet, as by the tests.
      const expected = /^(Failed to load resource|Blocked attempt to show a 'beforeunload')/.test(message.text());
      if (message.type() === "error" && !expected) this.complaints.push(message.text());
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!/^(http:\/\/127\.0\.0\.1:|blob:|data:)/.test(url)) this.complaints.push(url);
    });
  }

  /** The path of a file that the page has handed out. */
  async downloaded(name: string): Promise<string> {
    const path = join(this.downloads, name);
    await until(() => existsSync(path), `${name} is downloaded`);
    return path;
  }

  /** The person goes. Nothing must have gone wrong, the policy have stopped nothing, and nobody else been asked. */
  async leave(): Promise<void> {
    const { complaints, context } = this;
    await context.close();
    rmSync(this.downloads, { recursive: true, force: true });
    assert.deepEqual(complaints, []);
    assert.deepEqual(this.front.reports, [], "what the page's policy has stopped");
    assert.deepEqual(this.browser.strangers, [], "who else was asked");
  }

  async signIn(name: string): Promise<void> {
    const { page } = this;
    await page.waitForSelector("#invite");
    await page.type("#invite", codeOf(name));
    await clickText(page, "Sign in with the code");
    await page.waitForSelector("#entropy");
  }

  /** Signs in with an invitation and joins. */
  async join(name: string): Promise<void> {
    await this.signIn(name);
    await this.page.type("#entropy", "the quick brown fox");
    await this.joinLine();
  }

  async joinLine(): Promise<void> {
    await this.page.waitForSelector("[data-trial]", { timeout: 30_000 });
    await clickText(this.page, "Join the line");
  }
}

/**
 * Looks at a state at both widths, in light and in dark: axe finds nothing, and nothing is wider than the
 * window.
 */
export async function looksRight(page: Page, where: string): Promise<void> {
  for (const [size, scheme] of [
    [NARROW, "light"],
    [WIDE, "dark"],
  ] as const) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport(size);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${where} is ${wide} pixels wider than a window of ${size.width}`);
    assert.deepEqual(await violations(page), [], `${where}, ${scheme}`);
  }
}

async function violations(page: Page): Promise<string[]> {
  type Axe = { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
  // Beside the page's policy, which has no place for the checker.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const found = await (window as unknown as { axe: Axe }).axe.run();
    return found.violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(" ")}`);
  });
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export async function waitForText(page: Page, text: string | RegExp, timeout = 20_000): Promise<void> {
  const source = typeof text === "string" ? escaped(text) : text.source;
  try {
    await page.waitForFunction((pattern) => new RegExp(pattern).test(document.body.innerText), { timeout, polling: 50 }, source);
  } catch (error) {
    const shown = await page.evaluate(() => document.body.innerText).catch(() => String(error));
    throw new Error(`"${source}" is not shown. Shown is:\n${shown}`);
  }
}

export async function waitUntilGone(page: Page, text: string, timeout = 30_000): Promise<void> {
  await page.waitForFunction((gone) => !document.body.innerText.includes(gone), { timeout, polling: 50 }, text);
}

/** Waits for something that is no text. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, timeout = 30_000): Promise<void> {
  const end = Date.now() + timeout;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function clickText(page: Page, text: string): Promise<void> {
  const find = (wanted: string) =>
    [...document.querySelectorAll<HTMLButtonElement>("button, a")].find((it) => it.innerText.includes(wanted) && !it.disabled);
  const found = await page.waitForFunction(find, { timeout: 20_000, polling: 50 }, text);
  await (found as ElementHandle<HTMLElement>).click();
}

/** The checks that a page shows, each with its result in front. */
export function checksOf(page: Page): Promise<string[]> {
  return page.$$eval(".checks li", (all) => all.map((it) => `${it.className}: ${it.innerText}`));
}

/** All checks hold once they are made, and there are some. */
export async function allProven(page: Page, atLeast: number): Promise<void> {
  const areMade = () => [...document.querySelectorAll(".checks")].every((it) => it.ariaBusy !== "true");
  await page.waitForFunction(areMade, { timeout: 60_000, polling: 50 });
  const checks = await checksOf(page);
  assert.ok(checks.length >= atLeast, checks.join("\n"));
  assert.ok(checks.every((it) => /^(good|told):/.test(it)), checks.join("\n"));
}

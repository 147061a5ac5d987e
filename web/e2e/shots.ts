// Pictures of all states, at 360 and 1280 pixels, light and dark: npm run shots [name …]

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "puppeteer-core";
import { browse, Coordinator, clickText, Front, Other, sleep, waitForText } from "./harness";

const folder = fileURLToPath(new URL("./shots", import.meta.url));
mkdirSync(folder, { recursive: true });
const only = process.argv.slice(2);

const WAYS = ["contributed", "contributed", "contributed", "contributed", "contributed", "contributed", "missedCheckin", "contributed", "timedOut", "invalid"] as const;

/** Made-up turns that look like a ceremony's. */
function turns(count: number, contributions: number) {
  let random = 7;
  const next = () => (random = (random * 16807) % 2147483647) / 2147483647;
  let number = contributions;
  const now = Math.floor(Date.now() / 1000);
  const made = Array.from({ length: count }, (_, i) => {
    const ended = next() < 0.93 ? "contributed" : i === 40 ? "coordinatorFault" : WAYS[6 + Math.floor(next() * 4)]!;
    const gone = ended === "timedOut" || ended === "missedCheckin";
    const turnInMs = Math.round(gone ? 60_000 + next() * 110_000 : 18_000 + next() ** 3 * 60_000);
    const identity = next() < 0.7 ? `eth|0x${Array.from({ length: 40 }, () => Math.floor(next() * 16).toString(16)).join("")}` : "git|583231|OctoCat";
    const accepted = ended === "contributed" ? { number: number--, identity } : {};
    return { ticket: 2000 - i, ended, endedAt: now - 12 - i * 41, turnInMs, ...accepted };
  });
  return made.reverse();
}

const base = {
  mode: "open",
  queueLength: 17,
  contributions: 1043,
  turn: { ticket: 1061, phase: "contributing", ageInMs: 23_000 },
  meanTurnInMs: 38_000,
  contributionLimitInMs: 180_000,
  expectedWaitInMs: 690_000,
  expectedStartTime: 0,
  subCeremonies: [4096, 8192, 16384, 32768].map((it) => ({ numG1Powers: it, numG2Powers: 65 })),
  signIn: ["invite", "siwe", "github"],
  coordinatorAddress: "0x668847EF9A7a6792a012CAc724515c0a3Fa9B451",
  log: { records: 5391, hash: `0x${"5a".repeat(32)}`, cosigned: { by: 3, of: 3 } },
  time: Math.floor(Date.now() / 1000),
  name: "Spring Ceremony 2027",
};

const statuses: Record<string, object> = {
  watch: { ...base, recent: turns(100, 1043) },
  "watch-empty": { ...base, contributions: 0, queueLength: 0, turn: null, expectedWaitInMs: 0, recent: [], log: { ...base.log, records: 2 } },
  "watch-three": { ...base, contributions: 3, queueLength: 0, turn: null, expectedWaitInMs: 0, recent: turns(3, 3), log: { records: 17, hash: base.log.hash } },
  "watch-huge": { ...base, contributions: 141_416, queueLength: 100_000, expectedWaitInMs: 100_000 * 38_000, recent: turns(100, 141_416) },
  "watch-paused": { ...base, mode: "halted", turn: null, recent: turns(100, 1043), planned: { opens: base.time + 90_000 } },
  "watch-draining": { ...base, mode: "draining", turn: { ...base.turn, phase: "verifying" }, recent: turns(100, 1043) },
  "watch-moved": {
    ...base,
    mode: "halted",
    turn: null,
    recent: turns(100, 1043),
    movedTo: { key: "02", coordinatorAddress: base.coordinatorAddress, url: "https://next.example.org/" },
  },
};

const browser = await browse();
const context = await browser.createBrowserContext();

async function shoot(page: Page, name: string): Promise<void> {
  for (const width of [360, 1280]) {
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.setViewport({ width, height: width === 360 ? 740 : 900 });
      await sleep(150);
      await page.screenshot({ path: `${folder}/${name}-${width}-${scheme}.png`, fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      if (wide) console.log(`${name} at ${width}: wider than the window`);
    }
  }
  console.log(name);
}

const wanted = (name: string) => only.length === 0 || only.some((it) => name.startsWith(it));

const faked = await Front.start();
for (const [name, status] of Object.entries(statuses)) {
  if (!wanted(name)) continue;
  faked.json("/ceremony/status", status);
  const page = await context.newPage();
  await page.goto(`${faked.url}/`);
  await page.waitForSelector(".sentence h1");
  await waitForText(page, /contributed/);
  await shoot(page, name);
  await page.close();
}
if (wanted("take")) {
  faked.json("/ceremony/status", statuses["watch"]);
  const page = await context.newPage();
  await page.goto(`${faked.url}/take-part`);
  await page.waitForSelector("[data-trial]", { timeout: 30_000 });
  await shoot(page, "take-sign-in");
  await page.close();
}
for (const path of ["about", "verify", "sign-in"]) {
  if (!wanted(path)) continue;
  const page = await context.newPage();
  await page.goto(`${faked.url}/${path}${path === "sign-in" ? "#state=abc" : ""}`);
  await page.waitForSelector("h1");
  await shoot(page, path);
  await page.close();
}
faked.stop();

if (wanted("life")) {
  const front = await Front.start();
  const coordinator = await Coordinator.start(front, ["--ceremony", "1024:16,2048:16,4096:16,8192:16", "--signin", "invite"]);
  const bob = await Other.join(front.url, "bob");
  await bob.start();
  const carol = await Other.join(front.url, "carol");
  const beats = setInterval(() => void carol.call("/queue/checkin"), 3000);
  const page = await context.newPage();
  page.on("dialog", (dialog) => void dialog.accept());
  await page.goto(`${front.url}/take-part`);
  await page.waitForSelector("#invite");
  await page.type("#invite", "code-of-alice-1");
  await clickText(page, "Sign in with the code");
  await page.waitForSelector("#entropy");
  await page.waitForSelector("[data-trial]", { timeout: 30_000 });
  await page.type("#entropy", "the quick brown fox");
  await shoot(page, "life-ready");
  await clickText(page, "Join the line");
  await waitForText(page, "You are number 2.");
  await shoot(page, "life-waiting");
  await clickText(page, "Leave the line");
  await shoot(page, "life-leave");
  await clickText(page, "Stay");
  front.breakDown();
  await waitForText(page, "Trying to reach");
  await shoot(page, "life-lost");
  front.down = false;
  clearInterval(beats);
  await carol.call("/queue/leave");
  await waitForText(page, "You are next.");
  await shoot(page, "life-next");
  await bob.abort();
  await waitForText(page, "Your contribution is being computed", 30_000);
  await sleep(2500);
  await page.setViewport({ width: 1280, height: 900 });
  await page.screenshot({ path: `${folder}/life-computing-1280.png`, fullPage: true });
  await page.setViewport({ width: 360, height: 740 });
  await page.screenshot({ path: `${folder}/life-computing-360.png`, fullPage: true });
  await waitForText(page, "You are contributor 1.", 120_000);
  await waitForText(page, "bound to exactly");
  await shoot(page, "life-done");
  await page.goto(`${front.url}/contributions`);
  await waitForText(page, "invite|alice");
  await shoot(page, "list");
  await page.goto(`${front.url}/contributions/1`);
  await page.waitForSelector("#verify");
  await page.click("#verify");
  await waitForText(page, "Part 4: the contributor's key has signed the name");
  await shoot(page, "one");
  await coordinator.stop();
  front.stop();
}
await browser.close();

// The pictures of docs/pictures, put together from those that `npm run shots` has made: npm run pictures

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Browser } from "./browser";

const shots = process.env.SHOTS ?? fileURLToPath(new URL("./shots", import.meta.url));
const folder = fileURLToPath(new URL("../../docs/pictures", import.meta.url));
mkdirSync(folder, { recursive: true });

/** Each picture: its shots beside one another, their width, and the height after which they are cut off. */
const PICTURES: Record<string, { shots: string[]; width: number; height: number }> = {
  "page-watch": { shots: ["watch-1280-light"], width: 1280, height: 1150 },
  "page-phone": { shots: ["life-2-waiting-far-360-light", "life-8-computing-360-dark", "life-a-done-360-light"], width: 360, height: 700 },
  "page-done": { shots: ["life-a-done-1280-light"], width: 1280, height: 1180 },
  "page-contribution": { shots: ["life-c-one-1280-dark"], width: 1280, height: 900 },
};

const browser = await Browser.start();
const page = await browser.chromium.newPage();
for (const [name, picture] of Object.entries(PICTURES)) {
  const { width, height } = picture;
  const gap = picture.shots.length > 1 ? 24 : 0;
  await page.setViewport({ width: picture.shots.length * (width + gap) + gap, height: height + 2 * gap });
  const images = picture.shots.map((shot) => {
    const data = readFileSync(join(shots, `${shot}.png`)).toString("base64");
    return `<div style="width:${width}px;height:${height}px;overflow:hidden"><img width="${width}" src="data:image/png;base64,${data}"></div>`;
  });
  await page.setContent(
    `<body style="margin:0;background:#dcdad3"><div style="display:flex;gap:${gap}px;padding:${gap}px">${images.join("")}</div>`,
  );
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(name);
}
await browser.stop();

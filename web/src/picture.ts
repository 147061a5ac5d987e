// A picture to share: the band of turns with one's own marked. It names nobody.

import { endOf } from "./estimates";
import type { Turn } from "./protocol";
import { number as written, t } from "./texts";

const COLOURS = { accepted: "#2c7a67", gone: "#c9a15a", refused: "#a63d2f", fault: "#4b3a78" };

const escaped = (text: string) =>
  text.replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);

export function picture(name: string, number: number | null, turns: Turn[]): string {
  const shown = turns.slice(-100);
  const longest = Math.max(1, ...shown.map((it) => it.turnInMs));
  const bars = shown
    .map((turn, i) => {
      const height = Math.max(6, (turn.turnInMs / longest) * 220);
      const isOwn = number !== null && turn.number === number;
      const colour = isOwn ? "#1b1c1f" : COLOURS[endOf(turn.ended)];
      const x = 100 + (100 - shown.length + i) * 10;
      return `<rect x="${x}" y="${(530 - height).toFixed(1)}" width="8" height="${height.toFixed(1)}" fill="${colour}"/>`;
    })
    .join("");
  const head = number === null ? t("done.plain") : t("done.number", { number: written(number) });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 630" width="1200" height="630" font-family="system-ui, sans-serif"><rect width="1200" height="630" fill="#fbfaf7"/><text x="100" y="130" font-size="34" fill="#5a5d66">${escaped(name)}</text><text x="100" y="210" font-size="58" font-weight="650" fill="#1b1c1f">${escaped(head)}</text>${bars}<path d="M100 531H1100" stroke="#dcdad3" stroke-width="2"/><text x="100" y="585" font-size="26" fill="#5a5d66">${escaped(location.host)}</text></svg>\n`;
}

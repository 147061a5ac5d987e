// The band of turns: one bar a turn, its height the length, its colour the end.

import { buckets, endOf, median, type End } from "../estimates";
import type { Turn } from "../protocol";
import { go } from "../store";
import { duration, many, t } from "../texts";

const PLACES = 100;
const WIDTH = 8;
const HEIGHT = 96;
const ENDS: End[] = ["accepted", "gone", "refused", "fault"];

export function Band({ turns, own }: { turns: Turn[]; own?: number | undefined }) {
  const shown = turns.slice(-PLACES);
  const longest = Math.max(1, ...shown.map((it) => it.turnInMs));
  const counts = { accepted: 0, gone: 0, refused: 0, fault: 0 };
  for (const turn of shown) counts[endOf(turn.ended)] += 1;
  const words = ENDS.filter((end) => counts[end] > 0);
  const title = shown.length === 0 ? t("band.empty") : many("band.title", shown.length);
  const heard = [title, ...words.map((end) => t(`end.${end}.count`, { count: counts[end] }))].join("; ");
  return (
    <figure class={shown.length === 0 ? "band none" : "band"}>
      <svg viewBox={`0 0 ${PLACES * WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={heard}>
        {Array.from({ length: PLACES - shown.length }, (_, i) => (
          <rect class="empty" x={i * WIDTH + 1} y={HEIGHT - 2} width={WIDTH - 2} height={2} />
        ))}
        {shown.map((turn, i) => {
          const end = endOf(turn.ended);
          const height = Math.max(4, (turn.turnInMs / longest) * (HEIGHT - 4));
          const x = (PLACES - shown.length + i) * WIDTH;
          const isOwn = own !== undefined && turn.number === own;
          const bar = (
            <>
              <title>{t("band.bar", { who: nameOf(turn), length: duration(turn.turnInMs), end: t(`end.${end}`) })}</title>
              {/* The whole column can be hit, however short the bar. */}
              <rect x={x} y={0} width={WIDTH} height={HEIGHT} fill="transparent" />
              <rect class={isOwn ? "own" : end} x={x + 1} y={HEIGHT - height} width={WIDTH - 2} height={height} />
            </>
          );
          // A picture for who hears; the tables have the same as links.
          const { number } = turn;
          return number === undefined ? (
            <g key={turn.ticket}>{bar}</g>
          ) : (
            <g key={turn.ticket} class="opens" onClick={() => go(`/contributions/${number}`)}>
              {bar}
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>{title}</span>
        {words.length > 0 && (
          <ul class="legend">
            {words.map((end) => (
              <li key={end}>
                <svg viewBox="0 0 10 10" aria-hidden="true">
                  <rect class={end} width="10" height="10" />
                </svg>
                {t(`end.${end}.count`, { count: counts[end] })}
              </li>
            ))}
            <li>{t("band.longest", { length: duration(longest) })}</li>
          </ul>
        )}
      </figcaption>
    </figure>
  );
}

export function nameOf(turn: Turn): string {
  const number = turn.number === undefined ? "" : `#${turn.number} `;
  return `${number}${turn.identity ?? (turn.number === undefined ? t("band.someone", { ticket: turn.ticket }) : "")}`.trim();
}

/** How long turns take, as a histogram. */
export function Lengths({ turns }: { turns: Turn[] }) {
  const all = buckets(turns);
  if (turns.length < 5 || all.length < 2) return null;
  const most = Math.max(...all.map((it) => it.total));
  const step = 800 / all.length;
  const middle = median(turns.map((it) => it.turnInMs));
  const heard = all
    .filter((it) => it.total > 0)
    .map((it) => t("lengths.label", { count: it.total, low: duration(it.low), high: duration(it.high) }))
    .join("; ");
  return (
    <section class="stack">
      <h2>{t("lengths.title")}</h2>
      <figure class="lengths">
        <svg viewBox="0 0 800 72" preserveAspectRatio="none" role="img" aria-label={heard}>
          {all.map((bucket, i) => {
            let from = 72;
            return ENDS.filter((end) => bucket.counts[end] > 0).map((end) => {
              const height = (bucket.counts[end] / most) * 68;
              from -= height;
              return (
                <rect key={`${i} ${end}`} class={end} x={i * step + 2} y={from} width={step - 4} height={height}>
                  <title>
                    {t("lengths.label", { count: bucket.counts[end], low: duration(bucket.low), high: duration(bucket.high) })}
                    {`, ${t(`end.${end}`)}`}
                  </title>
                </rect>
              );
            });
          })}
        </svg>
        <figcaption>
          <span>{duration(0)}</span>
          <span>{duration(all.at(-1)!.high)}</span>
          <span class="wide">{t("lengths.median", { median: duration(middle) })}</span>
        </figcaption>
      </figure>
    </section>
  );
}

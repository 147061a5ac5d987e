// The workers that multiply, as one.

import { Blst, G1, G2 } from "./blst";
import type { Powers } from "./contribution";
import type { Bytes } from "./bytes";
import type { Job, JobNews } from "./messages";

/** Points of one slice: small enough that all workers end at about the same time. */
const SLICE = { g1: 512, g2: 16 } as const;
/** How much longer a point of G2 takes. */
const G2_COST = 3;

export class WrongPowers extends Error {
  constructor(readonly wrong: string) {
    super(wrong);
  }
}

interface Slice {
  sub: number;
  group: "g1" | "g2";
  start: number;
  count: number;
}

export interface Rates {
  g1Ms: number;
  g2Ms: number;
}

export class Pool {
  constructor(private readonly ports: MessagePort[]) {}

  get size(): number {
    return this.ports.length;
  }

  /** Sends one order to each worker and waits for an answer of that kind from each. */
  private all<K extends JobNews["kind"]>(job: Job, kind: K): Promise<Extract<JobNews, { kind: K }>[]> {
    return Promise.all(
      this.ports.map(
        (port) =>
          new Promise<Extract<JobNews, { kind: K }>>((resolve, reject) => {
            port.onmessage = ({ data }: MessageEvent<JobNews>) => {
              if (data.kind === kind) resolve(data as Extract<JobNews, { kind: K }>);
              else if (data.kind === "wrong") reject(new WrongPowers(data.wrong));
            };
            port.postMessage(job);
          }),
      ),
    );
  }

  /** A trial of all workers at a time. Milliseconds a point in one worker. */
  async trial(ms: number): Promise<Rates> {
    const news = await this.all({ kind: "trial", ms }, "trial");
    const mean = (of: (it: Rates) => number) => news.reduce((sum, it) => sum + of(it), 0) / news.length;
    return { g1Ms: mean((it) => it.g1Ms), g2Ms: mean((it) => it.g2Ms) };
  }

  /**
   * Multiplies point i of each sub-ceremony by x^i of its secret, and checks all points on the way.
   * Nothing of the result may be shown to anybody unless the whole succeeds.
   */
  async multiply(
    chief: Blst,
    subs: Powers[],
    compressed: boolean,
    progress: (done: number, subs: number[]) => void,
  ): Promise<Powers[]> {
    const form = compressed ? "compressed" : "uncompressed";
    const lengths = { g1: G1[form], g2: G2[form] };
    const slices: Slice[] = [];
    const totals = subs.map(() => 0);
    const done = subs.map(() => 0);
    const results = subs.map(({ g1, g2 }, sub) => {
      const counts = { g1: g1.length / lengths.g1, g2: g2.length / lengths.g2 };
      for (const group of ["g2", "g1"] as const) {
        for (let start = 0; start < counts[group]; start += SLICE[group]) {
          slices.push({ sub, group, start, count: Math.min(SLICE[group], counts[group] - start) });
        }
      }
      totals[sub] = counts.g1 + counts.g2 * G2_COST;
      return {
        g1: new Uint8Array(counts.g1 * G1.compressed) as Bytes,
        g2: new Uint8Array(counts.g2 * G2.compressed) as Bytes,
      };
    });
    const total = totals.reduce((sum, it) => sum + it, 0);
    const tell = () =>
      progress(
        done.reduce((sum, it) => sum + it, 0) / total,
        done.map((it, sub) => it / totals[sub]!),
      );

    let next = 0;
    const give = (port: MessagePort): boolean => {
      const id = next;
      const slice = slices[id];
      if (slice === undefined) return false;
      next += 1;
      const length = lengths[slice.group];
      const points = subs[slice.sub]![slice.group].slice(slice.start * length, (slice.start + slice.count) * length);
      const scalars = chief.scalars(slice.sub, slice.start);
      const { group } = slice;
      const job: Job = { kind: "multiply", id, group, compressed, scalars, points };
      // Transferred, so that no copy of the scalars stays here.
      port.postMessage(job, [scalars.buffer, points.buffer]);
      return true;
    };

    await Promise.all(
      this.ports.map(
        (port) =>
          new Promise<void>((resolve, reject) => {
            let open = 0;
            port.onmessage = ({ data }: MessageEvent<JobNews>) => {
              if (data.kind === "progress") {
                const slice = slices[data.id]!;
                done[slice.sub]! += data.points * (slice.group === "g1" ? 1 : G2_COST);
                tell();
              } else if (data.kind === "done") {
                const { sub, group, start } = slices[data.id]!;
                const small = group === "g1" ? G1.compressed : G2.compressed;
                results[sub]![group].set(data.points, start * small);
                if (!give(port)) open -= 1;
                if (open === 0) resolve();
              } else if (data.kind === "wrong") {
                next = slices.length;
                reject(new WrongPowers(data.wrong));
              }
            };
            // Two at a time, so that a worker never waits for the next slice.
            for (let i = 0; i < 2; i++) if (give(port)) open += 1;
            if (open === 0) resolve();
          }),
      ),
    );
    await this.all({ kind: "check" }, "checked");
    this.wipe();
    return results;
  }

  wipe(): void {
    for (const port of this.ports) port.postMessage({ kind: "wipe" } satisfies Job);
  }
}

/** How long all points take, by a trial. */
export function estimate(rates: Rates, workers: number, sizes: { numG1Powers: number; numG2Powers: number }[]): number {
  const work = sizes.reduce((sum, it) => sum + it.numG1Powers * rates.g1Ms + it.numG2Powers * rates.g2Ms, 0);
  // Each worker ends with its check of the subgroup.
  return (work / workers + 700 * rates.g1Ms) / 1000;
}

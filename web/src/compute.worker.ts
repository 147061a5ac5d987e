// A worker that multiplies points. Its orders come from the worker that lives the participant's
// life, over a port of their own: the page never sees a secret.

import { BadPoints, Blst, GENERATOR_G1, GENERATOR_G2, SCALARS } from "./blst";
import { fromHex, type Bytes } from "./bytes";
import type { Job, JobNews } from "./messages";

function serve(blst: Blst, port: MessagePort): void {
  const tell = (news: JobNews, transfer: Transferable[] = []) => port.postMessage(news, transfer);
  port.onmessage = ({ data }: MessageEvent<Job>) => {
    try {
      switch (data.kind) {
        case "trial":
          tell(trial(blst, data.ms));
          break;
        case "multiply": {
          const points = multiply(blst, data, (done) => tell({ kind: "progress", id: data.id, points: done }));
          tell({ kind: "done", id: data.id, points }, [points.buffer]);
          break;
        }
        case "check":
          blst.checkG1();
          tell({ kind: "checked" });
          break;
        case "wipe":
          blst.wipe();
          break;
      }
    } catch (error) {
      tell({ kind: "wrong", wrong: error instanceof BadPoints ? error.wrong : "crashed" });
    }
  };
  tell({ kind: "ready" });
}

function multiply(blst: Blst, job: Job & { kind: "multiply" }, progress: (done: number) => void): Bytes {
  const inG1 = job.group === "g1";
  const [small, large] = inG1 ? [48, 96] : [96, 192];
  const length = job.compressed ? small : large;
  const count = job.points.length / length;
  const out = new Uint8Array(count * small);
  blst.begin(job.scalars);
  for (let from = 0; from < count; from += blst.batch) {
    const to = Math.min(count, from + blst.batch);
    const points = job.points.subarray(from * length, to * length);
    out.set(inG1 ? blst.multiplyG1(points, job.compressed) : blst.multiplyG2(points, job.compressed), from * small);
    progress(to - from);
  }
  return out;
}

/** Measures how long a point takes, with scalars that are no secret. */
function trial(blst: Blst, ms: number): JobNews {
  const measure = (group: "g1" | "g2", generator: string, share: number) => {
    const point = fromHex(generator);
    const count = group === "g1" ? 16 : 4;
    const points = new Uint8Array(point.length * count);
    for (let i = 0; i < count; i++) points.set(point, i * point.length);
    const scalars = new Uint8Array(SCALARS).fill(0x5a, 0, 31).fill(0x5a, 32, 63);
    blst.begin(scalars);
    const began = performance.now();
    let done = 0;
    let now = began;
    while (now - began < ms * share) {
      if (group === "g1") blst.multiplyG1(points, true);
      else blst.multiplyG2(points, true);
      done += count;
      now = performance.now();
    }
    return (now - began) / done;
  };
  const g1Ms = measure("g1", GENERATOR_G1, 0.8);
  const g2Ms = measure("g2", GENERATOR_G2, 0.2);
  blst.checkG1();
  return { kind: "trial", g1Ms, g2Ms };
}

addEventListener("message", ({ data }: MessageEvent<{ module: WebAssembly.Module; port: MessagePort }>) => {
  serve(new Blst(data.module), data.port);
});

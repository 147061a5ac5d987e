// The sentence that is true now, for every state of the ceremony and of this participant.

import { waitRange } from "./estimates";
import type { CeremonyStatus, MovedTo, QueueStatus, Turn } from "./protocol";
import { inWords } from "./refusals";
import { positionNow, toldAt, turnsSince } from "./rhythm";
import type { State } from "./store";
import { clock, duration, fullTime, many, number, range, t, time } from "./texts";

export interface Sentence {
  /** The large words. */
  head: string;
  /** What supports them. */
  then: string[];
}

export function watching(status: CeremonyStatus | null, turns: Turn[]): Sentence {
  if (status === null) return { head: t("watch.loading"), then: [] };
  const count = many("watch.count", status.contributions);
  if (status.movedTo !== undefined) return { head: moved(status.movedTo), then: [count, t("watch.movedMore")] };
  const planned = status.planned ?? {};
  const opens = planned.opens === undefined ? [] : [t("watch.opens", { when: fullTime(planned.opens * 1000) })];
  const drains = planned.drains === undefined ? [] : [t("watch.drains", { when: fullTime(planned.drains * 1000) })];
  if (isClosed(status)) {
    const begun = status.contributions > 0;
    const head = t(begun || opens.length === 0 ? "watch.closed" : "watch.closedYet");
    return { head, then: begun ? [count, ...opens, t("watch.closedMore")] : [...opens, count] };
  }
  if (status.mode === "halted") return { head: t("watch.halted"), then: [count, t("watch.haltedMore"), ...opens] };
  const head = status.contributions === 0 && status.turn === null ? count : `${count} ${nowOf(status)}`;
  if (status.mode === "draining") {
    const rest = many("watch.drainingMore", status.queueLength);
    return { head, then: [`${t("watch.draining")} ${rest}`, ...opens] };
  }
  const [low, high] = waitRange(status.expectedWaitInMs, status.meanTurnInMs, turns);
  const free = status.queueLength === 0 && status.turn === null;
  const line = free ? t("watch.atOnce") : many("watch.waits", status.queueLength, { range: range(low, high) });
  return { head, then: [line, ...drains] };
}

/** Halted with nobody in line is no pause: it has not begun, or is over. */
export const isClosed = ({ mode, queueLength, turn }: CeremonyStatus): boolean =>
  mode === "halted" && queueLength === 0 && turn === null;

function nowOf(status: CeremonyStatus): string {
  const next = status.contributions + 1;
  switch (status.turn?.phase) {
    case undefined:
      return t("watch.nobody");
    case "verifying":
      return t("watch.verifying", { number: next });
    case "readyToContribute":
      return t("watch.called", { number: next });
    default:
      return t("watch.computing", { number: next });
  }
}

const moved = ({ url }: MovedTo): string =>
  url === undefined ? t("watch.movedNowhere") : t("watch.moved", { where: hostOf(url) });

export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

/** The sentence of somebody who takes part. */
export function taking(state: State, now: number): Sentence | null {
  const { stage, queue } = state;
  switch (stage.at) {
    case "out":
    case "ready":
      return null;
    case "joining":
      if (stage.paused) return { head: t("wait.paused"), then: [t("wait.pausedJoin")] };
      return { head: t("wait.joining"), then: [] };
    case "in":
      return queue === null ? { head: t("wait.joining"), then: [] } : inLine(state, queue, now);
    case "done":
      return {
        head: `${t("done.title")} ${stage.done.number === null ? t("done.plain") : t("done.number", { number: stage.done.number })}`,
        then: [t("done.more")],
      };
    case "over": {
      const { ended, endedBecause, id } = stage.status;
      const why = endedBecause ?? "";
      const said = ended === null || ended === "contributed" ? t("over.unknown") : t(`over.${ended}`, { why });
      const used = ended === "coordinatorFault" ? [] : [t("over.usedUp", { identity: id })];
      return { head: ended === "left" ? t("over.left") : t("over.title"), then: ended === "left" ? used : [said, ...used] };
    }
    case "failed": {
      const { failure } = stage;
      switch (failure.why) {
        case "refused":
          if (failure.movedTo !== undefined) return { head: moved(failure.movedTo), then: [t("failed.moved")] };
          if (failure.code === "Network") return { head: t("failed.title"), then: [t("error.network", { why: failure.text })] };
          return {
            head: t(failure.code.startsWith("Queue::") ? "failed.mayNot" : "failed.title"),
            then: [inWords(failure.code, failure.text), ...(failure.signed === undefined ? [] : [t("failed.signed")])],
          };
        case "badBase":
          return { head: t("failed.title"), then: [t("failed.badBase", { why: failure.wrong })] };
        case "tooLarge":
          return { head: t("failed.title"), then: [t("failed.tooLarge", { size: `${number(failure.bytes / 1e6)} MB` })] };
        case "computation":
          return { head: t("failed.title"), then: [t("failed.computation", { why: failure.text })] };
        case "otherIdentity":
          return { head: t("failed.title"), then: [t("failed.otherIdentity", { identity: failure.id })] };
      }
    }
  }
}

/** Where somebody stands, with the turns that have ended since it was told. */
export function positionOf(queue: QueueStatus, turns: Turn[]): number {
  const since = turnsSince(turns.map((it) => it.endedAt), toldAt(queue));
  return positionNow(queue.queuePosition ?? 0, since);
}

function inLine(state: State, queue: QueueStatus, now: number): Sentence {
  const position = positionOf(queue, state.turns);
  const passed =
    queue.passed === 0 ? [] : [queue.passed === 1 ? t("wait.passed") : t("wait.passedMore", { count: queue.passed })];
  if (queue.queueStatus === "queued") {
    if (queue.mode === "halted" || state.status?.mode === "halted") return { head: t("wait.paused"), then: [t("wait.pausedMore", { position })] };
    if (position <= 1) return { head: t("wait.next"), then: [...passed, t("wait.nextMore")] };
    const expected = Math.max(0, (queue.expectedStartInMs ?? 0) - (now - state.queueAt));
    const [low, high] = waitRange(expected, state.status?.meanTurnInMs ?? 60_000, state.turns);
    return {
      head: t("wait.number", { position }),
      then: [t("wait.at", { time: time(now + expected, now), range: range(low, high) }), ...passed, t("wait.open")],
    };
  }
  if (queue.queueStatus === "verifying") return { head: t("turn.verify"), then: [t("turn.stay")] };
  if (!state.acts) return { head: t("turn.elsewhere"), then: [t("wait.elsewhere")] };
  return { head: working(state), then: [t("turn.stay"), ...left(state, queue, now)] };
}

function left(state: State, queue: QueueStatus, now: number): string[] {
  if (queue.contributeInMs === undefined) return [];
  const rest = queue.contributeInMs - (now - state.queueAt);
  // Said only when it becomes short.
  return rest > 60_000 ? [] : [t("turn.limit", { time: clock(rest) })];
}

function working({ progress }: State): string {
  if (progress === null) return t("turn.download");
  const percent = t("turn.percent", { percent: Math.floor(progress.done * 100) });
  switch (progress.step) {
    case "download":
      return t("turn.download");
    case "check":
      return t("turn.check");
    case "compute": {
      const rest = progress.leftMs === null ? "" : `, ${t("turn.left", { time: duration(progress.leftMs) })}`;
      return `${t("turn.compute")} ${percent}${rest}.`;
    }
    case "upload":
      return `${t("turn.upload")} ${percent}`;
    case "verify":
      return t("turn.verify");
  }
}

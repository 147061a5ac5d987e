// What is around every page: name, state, ways, language.

import { Fragment, type ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { MovedTo as Moved } from "../protocol";
import { set, state, useSeconds, type State } from "../store";
import { hostOf, isClosed, type Sentence } from "../sentence";
import { choose, clock, duration, language, languages, t, type Language } from "../texts";

export const nameOfCeremony = (): string => state.status?.name ?? t("name");

export function Shell({ children }: { children: ComponentChildren }) {
  const { status, path } = state;
  const current = (here: boolean) => (here ? ({ "aria-current": "page" } as const) : {});
  return (
    <>
      <a class="skip" href="#content">
        {t("skip")}
      </a>
      <header class="frame">
        <a class="brand" href="/">
          {nameOfCeremony()}
        </a>
        <span class={`state ${status?.movedTo === undefined ? (status?.mode ?? "") : "halted"}`}>{modeOf(state)}</span>
      </header>
      <nav class="frame main" aria-label={nameOfCeremony()}>
        <ul>
          <li>
            <a href="/" {...current(path === "/")}>
              {t("nav.watch")}
            </a>
          </li>
          <li>
            <a href="/take-part" {...current(path === "/take-part")}>
              {t("nav.takePart")}
            </a>
          </li>
          <li>
            <a href="/contributions" {...current(path.startsWith("/contributions"))}>
              {t("nav.contributions")}
            </a>
          </li>
          <li>
            <a href="/verify" {...current(path === "/verify")}>
              {t("nav.verify")}
            </a>
          </li>
        </ul>
      </nav>
      <main id="content" class="frame sections" tabIndex={-1}>
        <Lost />
        {children}
      </main>
      <footer>
        <div class="frame">
          <a href="/about">{t("foot.what")}</a>
          <a href="/about#fair">{t("foot.fair")}</a>
          <a href="/verify">{t("foot.verify")}</a>
          <select
            aria-label={t("nav.language")}
            value={language}
            onChange={(event) => {
              choose(event.currentTarget.value as Language, true);
              set({});
            }}
          >
            {Object.entries(languages).map(([code, texts]) => (
              <option key={code} value={code} lang={code}>
                {texts.language}
              </option>
            ))}
          </select>
        </div>
      </footer>
    </>
  );
}

function modeOf({ status }: State): string {
  if (status === null) return t("mode.unknown");
  if (status.movedTo !== undefined) return t("mode.moved");
  const { cosigned } = status.log;
  const mode = t(isClosed(status) ? "mode.closed" : `mode.${status.mode}`);
  return cosigned === undefined ? mode : `${mode} · ${t("witnesses", { by: cosigned.by, of: cosigned.of })}`;
}

/** The bar that says that the coordinator is not reached. The sentence below it stays. */
function Lost() {
  const { trouble, lostSince, statusAt, stage } = state;
  const takes = stage.at === "in" || stage.at === "joining";
  const shown = takes ? trouble !== null : lostSince !== null && statusAt > 0;
  const now = useSeconds(shown);
  if (!shown) return null;
  if (!takes) {
    return (
      <p class="bar" role="status">
        {t("watch.lost", { time: duration(now - statusAt) })}
      </p>
    );
  }
  const until = trouble?.keptUntil ?? null;
  const text = until === null ? t("lost.barUnknown") : t("lost.bar", { time: clock(until - now) });
  return (
    <p class="bar bad" role="status">
      {text}
    </p>
  );
}

/**
 * The sentence, and below it one action at most. What is heard of it changes only when its meaning does: a
 * percentage that runs would never let a screen reader speak of anything else.
 */
export function Say({ sentence, children }: { sentence: Sentence; children?: ComponentChildren }) {
  const [heard, hear] = useState("");
  const words = `${sentence.head} ${sentence.then.join(" ")}`;
  const meaning = words.replace(/\d+(?=\s?%)|\d+:\d\d/g, "").replace(/, (about|noch etwa) .*$/, "");
  useEffect(() => {
    const timer = setTimeout(() => hear(words), 300);
    return () => clearTimeout(timer);
  }, [meaning]);
  return (
    <section class="sentence">
      <h1>
        {sentence.head.split(/(?<=[.!?]) /).map((part, i) => (
          <Fragment key={i}>
            {i > 0 && " "}
            <span>{part}</span>
          </Fragment>
        ))}
      </h1>
      {sentence.then.map((line) => (
        <p class="then" key={line}>
          {line}
        </p>
      ))}
      <p class="only-heard" aria-live="polite">
        {heard}
      </p>
      {children !== undefined && <div class="actions">{children}</div>}
    </section>
  );
}

export interface CheckLine {
  text: string;
  /** `told` is neither good nor bad. */
  result: "good" | "bad" | "pending" | "told";
  why?: string;
}

export function CheckList({ checks, running }: { checks: CheckLine[]; running: boolean }) {
  return (
    <ul class="checks" aria-live="polite" aria-busy={running}>
      {checks.map((check) => (
        <li class={check.result} key={check.text}>
          {check.text}
          {check.result !== "told" && <span class="only-heard"> {t(check.result === "good" ? "check.good" : "check.bad")}</span>}
          {check.why !== undefined && <div class="quiet small">{check.result === "bad" ? t("check.failed", { why: check.why }) : check.why}</div>}
        </li>
      ))}
      {running && <li>{t("check.running")}</li>}
    </ul>
  );
}

/** Where the ceremony went, and that the log says so. The place is kept there; one signs in anew. */
export function MovedTo({ movedTo }: { movedTo: Moved | undefined }) {
  const [checks, setChecks] = useState<CheckLine[] | null>(null);
  const coordinator = state.status?.coordinatorAddress;
  const key = movedTo?.key;
  useEffect(() => {
    if (movedTo === undefined || coordinator === undefined) return;
    void import("../verify").then(({ checkMoved }) => checkMoved(coordinator, movedTo, setChecks)).catch(() => undefined);
  }, [key, coordinator]);
  if (movedTo === undefined) return null;
  const { url } = movedTo;
  return (
    <div class="stack">
      {url !== undefined && (
        <a class="button primary" href={url} rel="noreferrer">
          {t("action.goThere")} ({hostOf(url)})
        </a>
      )}
      {checks !== null && <CheckList checks={checks} running={false} />}
    </div>
  );
}

/** Hands a text to the person as a file. */
export function download(name: string, content: Blob | string, type = "application/json"): void {
  const blob = typeof content === "string" ? new Blob([content], { type }) : content;
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

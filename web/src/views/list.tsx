// All contributions, and one by itself.

import { useEffect, useRef, useState } from "preact/hooks";
import { find, one, PAGE, piece, type Listed } from "../contributions";
import * as participant from "../participant";
import type { Contribution } from "../protocol";
import { go, state } from "../store";
import { clock, duration, fullTime, t, time } from "../texts";
import { CheckList, type CheckLine } from "./shell";
import { reason } from "./take";

export function List() {
  const { status } = state;
  const count = status?.contributions ?? 0;
  const last = Math.max(0, Math.ceil(count / PAGE) - 1);
  const [page, turnTo] = useState<number | null>(null);
  const [lines, setLines] = useState<Listed[] | null>(null);
  const [wrong, setWrong] = useState("");
  const shown = Math.min(page ?? last, last);
  useEffect(() => {
    if (status === null) return;
    let current = true;
    piece(shown, count).then(
      (read) => {
        if (!current) return;
        setLines([...read].reverse());
        setWrong("");
      },
      (error: unknown) => current && setWrong(reason(error)),
    );
    return () => {
      current = false;
    };
  }, [shown, count, status !== null]);
  return (
    <>
      <section class="stack">
        <h1>{t("list.title")}</h1>
        <Find />
      </section>
      <section class="stack">
        {wrong !== "" ? (
          <p class="note bad">{wrong}</p>
        ) : count === 0 ? (
          <p class="quiet">{status === null ? t("watch.loading") : t("latest.none")}</p>
        ) : lines === null ? (
          <p class="quiet">{t("watch.loading")}</p>
        ) : (
          <>
            <div class="row">
              <span class="quiet">
                {t("list.range", { from: shown * PAGE + 1, to: Math.min(count, (shown + 1) * PAGE), count })}
              </span>
              {shown < last && (
                <button type="button" onClick={() => turnTo(shown + 1)}>
                  {t("list.newer")}
                </button>
              )}
              {shown > 0 && (
                <button type="button" onClick={() => turnTo(shown - 1)}>
                  {t("list.older")}
                </button>
              )}
            </div>
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th class="number">{t("table.number")}</th>
                    <th>{t("table.who")}</th>
                    <th class="number">{t("table.length")}</th>
                    <th>{t("table.when")}</th>
                  </tr>
                </thead>
                <tbody>
                  {lines.map((line) => (
                    <tr key={line.number}>
                      <td class="number">
                        <a href={`/contributions/${line.number}`}>{line.number}</a>
                      </td>
                      <td class="who" title={line.identity}>{line.identity}</td>
                      <td class="number">{line.turnInMs === undefined ? "" : clock(line.turnInMs)}</td>
                      <td class="when">{line.acceptedAt === undefined ? "" : time(line.acceptedAt * 1000)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </>
        )}
      </section>
    </>
  );
}

function Find() {
  const query = useRef<HTMLInputElement>(null);
  const [said, say] = useState("");
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const asked = query.current?.value.trim() ?? "";
        if (asked === "") return;
        say("");
        find(asked).then(
          (number) => (number === null ? say(t("list.notFound", { query: asked })) : go(`/contributions/${number}`)),
          (error: unknown) => say(reason(error)),
        );
      }}
    >
      <label for="find">{t("list.find")}</label>
      <p class="quiet small" id="find-what">
        {t("list.findWhat")}
      </p>
      <div class="inline-form">
        <input id="find" ref={query} type="search" aria-describedby="find-what" autocapitalize="none" spellcheck={false} />
        <button>{t("list.findGo")}</button>
      </div>
      <p role="status">{said}</p>
    </form>
  );
}

export function One({ number }: { number: number }) {
  const { status } = state;
  const [read, setRead] = useState<Contribution | null | undefined>(undefined);
  const [wrong, setWrong] = useState("");
  const [checks, setChecks] = useState<CheckLine[] | null>(null);
  const [running, setRunning] = useState(false);
  const count = status?.contributions ?? 0;
  useEffect(() => {
    if (status === null) return;
    let current = true;
    setChecks(null);
    setWrong("");
    setRead(undefined);
    one(number).then(
      (it) => current && setRead(it),
      (error: unknown) => current && setWrong(reason(error)),
    );
    return () => {
      current = false;
    };
  }, [number, status !== null, number > count]);
  const verify = async (it: Contribution) => {
    if (status === null) return;
    setRunning(true);
    try {
      const { checkContribution } = await import("../verify");
      await checkContribution(it, status.coordinatorAddress, participant.loadModule, setChecks);
    } catch (error) {
      setWrong(reason(error));
    }
    setRunning(false);
  };
  return (
    <>
      <section class="stack">
        <h1>{t("one.title", { number })}</h1>
        {wrong !== "" ? (
          <p class="note">{wrong}</p>
        ) : read === null ? (
          <p class="quiet">{t("one.missing", { number })}</p>
        ) : read === undefined ? (
          <p class="quiet">{t("watch.loading")}</p>
        ) : (
          <>
            <p>{t("one.of", { identity: read.identity })}</p>
            <dl class="details">
              {(
                [
                  ["one.joined", read.joinedAt === undefined ? null : fullTime(read.joinedAt * 1000)],
                  ["one.started", read.startedAt === undefined ? null : fullTime(read.startedAt * 1000)],
                  ["one.accepted", read.acceptedAt === undefined ? null : fullTime(read.acceptedAt * 1000)],
                  ["one.turn", read.turnInMs === undefined ? null : duration(read.turnInMs)],
                  ["one.entry", read.entry === undefined ? null : String(read.entry)],
                ] as const
              ).map(([key, value]) =>
                value === null ? null : (
                  <>
                    <dt>{t(key)}</dt>
                    <dd>{value}</dd>
                  </>
                ),
              )}
            </dl>
            <div class="actions">
              <button type="button" class="primary" id="verify" disabled={running} onClick={() => void verify(read)}>
                {t("one.verify")}
              </button>
              {number > 1 && <a href={`/contributions/${number - 1}`}>{t("one.before")}</a>}
              {number < count && <a href={`/contributions/${number + 1}`}>{t("one.after")}</a>}
            </div>
            {checks !== null && <CheckList checks={checks} running={running} />}
          </>
        )}
      </section>
      {read != null &&
        read.subCeremonies.map((part, i) => (
          <section class="stack" key={i}>
            <h2>{t("one.part", { part: i + 1, powers: status?.subCeremonies[i]?.numG1Powers ?? 0 })}</h2>
            <dl class="details">
              <dt>{t("one.key")}</dt>
              <dd class="mono">{part.potPubkey}</dd>
              <dt>{t("one.product")}</dt>
              <dd class="mono">{part.runningProduct}</dd>
              <dt>{t("one.blsSignature")}</dt>
              <dd class="mono">{part.blsSignature || t("one.none")}</dd>
            </dl>
          </section>
        ))}
      {read != null && (
        <section class="stack">
          <h2>{t("one.ecdsa")}</h2>
          <p class="mono">{read.ecdsaSignature || t("one.none")}</p>
        </section>
      )}
    </>
  );
}

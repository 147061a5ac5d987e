// Watching, without signing in.

import { perHour } from "../estimates";
import type { CeremonyStatus, Turn } from "../protocol";
import { taking, watching } from "../sentence";
import { state, useSeconds } from "../store";
import { clock, duration, number, t, time } from "../texts";
import { Band, Lengths } from "./band";
import { MovedTo, Say } from "./shell";

export function Watch() {
  const { status, turns, stage } = state;
  const now = useSeconds(stage.at === "in");
  const own = taking(state, now);
  const takesPart = own !== null && (stage.at === "in" || stage.at === "joining");
  const movedTo = status?.movedTo;
  const may = status !== null && status.mode === "open" && status.movedTo === undefined;
  return (
    <>
      <Say sentence={takesPart ? own : watching(status, turns)}>
        {movedTo !== undefined ? (
          <MovedTo movedTo={movedTo} />
        ) : takesPart ? (
          <a class="button" href="/take-part">
            {t("nav.takePart")}
          </a>
        ) : stage.at === "done" ? (
          <a class="button" href="/take-part">
            {t("action.seeResult")}
          </a>
        ) : may ? (
          <a class="button primary" href="/take-part">
            {t("action.takePart")}
          </a>
        ) : null}
      </Say>
      <section class="stack">
        <Band turns={turns} own={stage.at === "done" ? (stage.done.number ?? undefined) : undefined} />
        {status !== null && movedTo === undefined && <Now status={status} />}
      </section>
      {status !== null && <Facts status={status} turns={turns} />}
      <Latest turns={turns} />
      <Lengths turns={turns} />
    </>
  );
}

function Now({ status }: { status: CeremonyStatus }) {
  const { turn } = status;
  const now = useSeconds(turn !== null);
  if (turn === null) return null;
  const steps = ["called", "computing", "verifying"] as const;
  const at = turn.phase === "readyToContribute" ? 0 : turn.phase === "verifying" ? 2 : 1;
  const halted = status.mode === "halted";
  const age = turn.ageInMs + (halted ? 0 : now - state.statusAt);
  const limit = status.contributionLimitMaxInMs ?? status.contributionLimitInMs;
  return (
    <div class="now">
      <span class="quiet">{t("now.title")}</span>
      <ol>
        {steps.map((step, i) => (
          <li key={step} class={i < at ? "past" : ""} {...(i === at ? { "aria-current": "step" } : {})}>
            {t(`now.${step}`)}
          </li>
        ))}
      </ol>
      <span class="clock">{limit > 0 ? t("now.of", { age: clock(age), limit: clock(limit) }) : clock(age)}</span>
    </div>
  );
}

function Facts({ status, turns }: { status: CeremonyStatus; turns: Turn[] }) {
  const { cosigned, records } = status.log;
  const facts: [string, string, string?][] = [
    [t("facts.contributors"), number(status.contributions)],
    [t("facts.waiting"), number(status.queueLength)],
    [t("facts.perHour"), number(perHour(turns, status.meanTurnInMs, status.time))],
    [t("facts.mean"), duration(status.meanTurnInMs), `${t("facts.limit")} ${duration(status.contributionLimitInMs)}`],
    [
      t("facts.log"),
      number(records),
      cosigned === undefined ? t("facts.notCosigned") : t("facts.cosigned", { by: cosigned.by, of: cosigned.of }),
    ],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value, more]) => (
        <div key={name}>
          <dt>
            {name}
            {more !== undefined && <small>{more}</small>}
          </dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Latest({ turns }: { turns: Turn[] }) {
  const latest = turns.filter((it) => it.number !== undefined).slice(-8).reverse();
  return (
    <section class="stack">
      <h2>{t("latest.title")}</h2>
      {latest.length === 0 ? (
        <p class="quiet">{state.status !== null && state.status.contributions === 0 ? t("latest.none") : ""}</p>
      ) : (
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
              {latest.map((turn) => (
                <tr key={turn.number}>
                  <td class="number">
                    <a href={`/contributions/${turn.number}`}>{turn.number}</a>
                  </td>
                  <td class="who" title={turn.identity}>{turn.identity ?? <span class="quiet">{t("band.someone", { ticket: turn.ticket })}</span>}</td>
                  <td class="number">{clock(turn.turnInMs)}</td>
                  <td class="when">{time(turn.endedAt * 1000)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p>
        <a href="/contributions">{t("latest.all")}</a>
      </p>
    </section>
  );
}

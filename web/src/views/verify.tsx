// Verifying, in the page and beside it.

import { useState } from "preact/hooks";
import { one } from "../contributions";
import * as participant from "../participant";
import { state } from "../store";
import { t } from "../texts";
import { CheckList, type CheckLine } from "./shell";
import { reason } from "./take";

/** Contributions of one check of the chain. */
const CHAIN = 32;

export function Verify() {
  return (
    <>
      <section class="stack">
        <h1>{t("verify.title")}</h1>
        <p>{t("verify.lead")}</p>
      </section>
      <LogCheck />
      <FileCheck />
      <ChainCheck />
      <section class="stack">
        <h2>{t("verify.offline")}</h2>
        <p>{t("verify.offlineWhat")}</p>
        <pre tabIndex={0}>
          <code>
            {`curl -O ${location.origin}/ceremony/transcript\ntauline verify transcript${sizes()}\ntauline audit --server ${location.origin} --transcript transcript`}
          </code>
        </pre>
      </section>
    </>
  );
}

function sizes(): string {
  const { status } = state;
  if (status === null) return "";
  const list = status.subCeremonies.map((it) => `${it.numG1Powers}:${it.numG2Powers}`).join(",");
  return list === "4096:65,8192:65,16384:65,32768:65" ? "" : ` --ceremony ${list}`;
}

function useChecks(): [CheckLine[], boolean, (work: (tell: (all: CheckLine[]) => void) => Promise<void>) => void] {
  const [checks, setChecks] = useState<CheckLine[]>([]);
  const [running, setRunning] = useState(false);
  const run = (work: (tell: (all: CheckLine[]) => void) => Promise<void>) => {
    setChecks([]);
    setRunning(true);
    work(setChecks)
      .catch((error: unknown) => setChecks([{ text: reason(error), result: "bad" }]))
      .finally(() => setRunning(false));
  };
  return [checks, running, run];
}

function LogCheck() {
  const [checks, running, run] = useChecks();
  const coordinator = state.status?.coordinatorAddress;
  return (
    <section class="stack">
      <h2>{t("verify.log")}</h2>
      <p>{t("verify.logWhat")}</p>
      <button
        type="button"
        id="check-log"
        disabled={running || coordinator === undefined}
        onClick={() => run(async (tell) => (await import("../verify")).checkLog(coordinator!, tell))}
      >
        {t("verify.logGo")}
      </button>
      <CheckList checks={checks} running={running} />
    </section>
  );
}

function FileCheck() {
  const [checks, running, run] = useChecks();
  const coordinator = state.status?.coordinatorAddress;
  return (
    <section class="stack">
      <h2>{t("verify.file")}</h2>
      <p id="file-what">{t("verify.fileWhat")}</p>
      <label for="file">{t("verify.fileChoose")}</label>
      <input
        id="file"
        type="file"
        accept=".json,application/json"
        aria-describedby="file-what"
        disabled={running || coordinator === undefined}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file === undefined) return;
          run(async (tell) => (await import("../verify")).checkFile(await file.text(), coordinator!, tell));
        }}
      />
      <CheckList checks={checks} running={running} />
    </section>
  );
}

function ChainCheck() {
  const { status } = state;
  const [said, say] = useState("");
  const [done, setDone] = useState<number | null>(null);
  const last = status?.contributions ?? 0;
  const first = Math.max(1, last - CHAIN + 1);
  const numbers = Array.from({ length: last === 0 ? 0 : last - first + 1 }, (_, i) => last - i);
  const run = async () => {
    say("");
    setDone(0);
    try {
      const { checkChain } = await import("../verify");
      await checkChain(numbers, one, participant.loadModule, setDone);
      say(t("verify.chainDone", { from: first, to: last }));
    } catch (error) {
      say(t("check.failed", { why: reason(error) }));
    }
    setDone(null);
  };
  return (
    <section class="stack">
      <h2>{t("verify.chain")}</h2>
      <p>{t("verify.chainWhat")}</p>
      <button type="button" id="check-chain" disabled={done !== null || last === 0} onClick={() => void run()}>
        {t("verify.chainGo")}
      </button>
      {done !== null && (
        <div class="stack">
          <progress max={numbers.length} value={done} aria-label={t("verify.chain")} />
          <p class="quiet">{t("verify.chainAt", { done, total: numbers.length })}</p>
        </div>
      )}
      <p role="status">{said}</p>
    </section>
  );
}

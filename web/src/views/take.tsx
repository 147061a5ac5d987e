// Taking part: signing in, waiting, contributing, and what comes after.

import { useEffect, useRef, useState } from "preact/hooks";
import { keepsakeText } from "../keepsake";
import * as participant from "../participant";
import { json, Refused, type LoginAnswer } from "../protocol";
import { inWords } from "../refusals";
import { isClosed, taking } from "../sentence";
import { state, useSeconds, type Done as DoneState } from "../store";
import { duration, fullTime, many, t, time } from "../texts";
import {
  account,
  contributionTypedData,
  findWallets,
  isDeclined,
  signContribution,
  signInWith,
  type Wallet,
} from "../wallet";
import { Band } from "./band";
import { CheckList, download, MovedTo, nameOfCeremony, Say, type CheckLine } from "./shell";
import { promiseOf } from "../keepsake";
import { picture } from "../picture";

export function Take() {
  const { stage, status, signInAgain } = state;
  useEffect(() => {
    const may = stage.at === "out" || stage.at === "ready";
    if (may && status !== null) participant.prepare().catch(() => undefined);
  }, [stage.at, status !== null]);
  const now = useSeconds(stage.at === "in");
  const sentence = taking(state, now);
  if (sentence === null) return <Before />;
  switch (stage.at) {
    case "done":
      return <Done done={stage.done} />;
    case "over":
    case "failed": {
      const told = stage.at === "failed" && stage.failure.why === "refused" ? stage.failure.movedTo : undefined;
      const movedTo = told ?? status?.movedTo;
      return (
        <Say sentence={sentence}>
          <MovedTo movedTo={movedTo} />
          {participant.keepsake() !== null && <KeepsakeButton />}
          <button type="button" onClick={() => participant.startOver()}>
            {t("action.again")}
          </button>
        </Say>
      );
    }
    default:
      return (
        <>
          <Say sentence={sentence} />
          {signInAgain && (
            <section class="note warn stack">
              <p>{t("signIn.again")}</p>
              <SignIn />
            </section>
          )}
          <Working />
          {stage.at === "in" && state.queue?.queueStatus === "queued" && <Waiting />}
          {state.turns.length > 0 && (
            <section>
              <Band turns={state.turns} />
            </section>
          )}
        </>
      );
  }
}

/** Why nobody gets a place at once, if that is so. */
function NotNow() {
  const { status } = state;
  if (status === null || (status.mode === "open" && status.movedTo === undefined)) return null;
  if (status.movedTo !== undefined) {
    return (
      <div class="note warn stack">
        <p>{t("take.moved")}</p>
        <MovedTo movedTo={status.movedTo} />
      </div>
    );
  }
  const why = status.mode === "draining" ? "take.draining" : isClosed(status) ? "take.closed" : "take.paused";
  const opens = status.planned?.opens;
  return (
    <p class="note warn">
      {t(why)} {opens !== undefined && t("watch.opens", { when: fullTime(opens * 1000) })}
    </p>
  );
}

/** Before one is in line. */
function Before() {
  const { stage, session, status } = state;
  return (
    <>
      <section class="stack">
        <h1>{t("take.title")}</h1>
        <p>{t("take.lead")}</p>
        <p>{t("take.lead2")}</p>
        <Trial />
      </section>
      <NotNow />
      {status?.movedTo !== undefined ? null : stage.at === "ready" && session !== null ? (
        <Ready />
      ) : (
        <section class="stack">
          <h2>{t("signIn.title")}</h2>
          <p class="quiet">{t("signIn.why")}</p>
          <SignIn />
        </section>
      )}
    </>
  );
}

type Speed = "good" | "tight" | "slow";

function speed(): Speed | null {
  const { trial, status } = state;
  if (trial === null || status === null) return null;
  const limit = (status.contributionLimitMaxInMs ?? status.contributionLimitInMs) / 1000;
  if (limit === 0) return "good";
  // The network's time comes on top.
  if (trial.seconds > limit * 0.9) return "slow";
  return trial.seconds > limit * 0.5 ? "tight" : "good";
}

function Trial() {
  const { trial, trialFailed, status } = state;
  if (trialFailed !== null) return <p class="note bad">{t("trial.failed", { why: trialFailed })}</p>;
  const fast = speed();
  if (trial === null || fast === null || status === null) return <p class="quiet">{t("trial.running")}</p>;
  const limit = status.contributionLimitMaxInMs ?? status.contributionLimitInMs;
  const values = { seconds: duration(Math.max(1000, trial.seconds * 1000)), limit: duration(limit) };
  const classes = { good: "quiet", tight: "note warn", slow: "note bad" };
  return (
    <p class={classes[fast]} data-trial={fast} data-g1={trial.g1Ms.toFixed(3)} data-seconds={trial.seconds.toFixed(1)}>
      {t(`trial.${fast}`, values)}
    </p>
  );
}

export function useWallets(): Wallet[] {
  const [wallets, found] = useState<Wallet[]>([]);
  useEffect(() => findWallets(found), []);
  return wallets;
}

export function reason(error: unknown): string {
  if (isDeclined(error)) return t("signIn.declined");
  if (error instanceof Refused && error.status === 0) return t("error.network", { why: error.message });
  if (error instanceof Refused) return inWords(error.code, error.message);
  const why = error instanceof Error ? error.message : String((error as { message?: unknown } | null)?.message ?? error);
  return t("error.other", { why });
}

function SignIn() {
  const { status } = state;
  const wallets = useWallets();
  const [busy, setBusy] = useState("");
  const [wrong, setWrong] = useState(() => {
    const { redirectError } = state;
    // Said once: the next attempt is another matter.
    state.redirectError = null;
    return redirectError === null ? "" : inWords(redirectError, redirectError);
  });
  const code = useRef<HTMLInputElement>(null);
  if (status === null) return null;
  const ways = status.signIn;
  const attempt = (words: string, work: () => Promise<void>) => {
    setWrong("");
    setBusy(words);
    work()
      .catch((error: unknown) => setWrong(reason(error)))
      .finally(() => setBusy(""));
  };
  const redirect = (provider: "eth" | "github") =>
    `/auth/start/${provider}?redirect_to=${encodeURIComponent(participant.redirectTo())}&returning=true`;
  return (
    <div class="choices">
      {ways.includes("invite") && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            attempt(t("signIn.busy"), async () => {
              const invite = code.current?.value.trim() ?? "";
              const answer = await json<LoginAnswer>("/login", { method: "POST", body: { invite } });
              participant.signedIn(answer, "invite");
            });
          }}
        >
          <label for="invite">{t("signIn.invite")}</label>
          <div class="inline-form">
            <input id="invite" ref={code} type="text" autocomplete="off" autocapitalize="none" spellcheck={false} required />
            <button class="primary" disabled={busy !== ""}>
              {t("signIn.inviteGo")}
            </button>
          </div>
        </form>
      )}
      {ways.includes("siwe") && (
        <div class="stack">
          {wallets.length === 0 && <p class="quiet">{t("signIn.noWallet")}</p>}
          <div class="row">
            {wallets.map((wallet) => (
              <button
                key={wallet.id}
                type="button"
                class="primary"
                disabled={busy !== ""}
                onClick={() =>
                  attempt(t("signIn.lookAtWallet"), async () => {
                    const answer = await signInWith(wallet);
                    participant.signer.wallet = wallet;
                    participant.signedIn(answer, "siwe");
                  })
                }
              >
                {t("signIn.wallet", { name: wallet.name })}
              </button>
            ))}
          </div>
          {wallets.length > 0 && <p class="quiet small">{t("signIn.walletWhat")}</p>}
        </div>
      )}
      {ways.includes("oidc") && (
        <p>
          <a class="button" href={redirect("eth")}>
            {t("signIn.oidc")}
          </a>
        </p>
      )}
      {ways.includes("github") && (
        <p>
          <a class="button" href={redirect("github")}>
            {t("signIn.github")}
          </a>
        </p>
      )}
      <p role="status" class={wrong === "" ? "quiet" : "note bad"} hidden={wrong === "" && busy === ""}>
        {wrong === "" ? busy : wrong}
      </p>
    </div>
  );
}

/** Signed in: chance of one's own, then the line. */
function Ready() {
  const { session, events } = state;
  useEffect(() => {
    const { mix } = participant;
    for (const name of ["pointermove", "pointerdown", "keydown", "keyup"]) addEventListener(name, mix);
    return () => {
      for (const name of ["pointermove", "pointerdown", "keydown", "keyup"]) removeEventListener(name, mix);
    };
  }, []);
  return (
    <section class="stack">
      <p>
        <strong>{t("signIn.as", { identity: session!.identity })}</strong>{" "}
        <button type="button" class="plain" onClick={() => participant.signOut()}>
          {t("signIn.out")}
        </button>
      </p>
      <h2>{t("entropy.title")}</h2>
      <p class="quiet" id="entropy-what">
        {t("entropy.what")}
      </p>
      <label for="entropy">{t("entropy.label")}</label>
      <textarea
        id="entropy"
        autocomplete="off"
        spellcheck={false}
        aria-describedby="entropy-what"
        onInput={(event) => participant.type(event.currentTarget.value)}
      />
      <p class="quiet small">{t("entropy.got", { count: events })}</p>
      <div class="actions">
        <button type="button" class="primary" id="join" disabled={speed() === "slow"} onClick={() => void participant.join()}>
          {t("action.join")}
        </button>
      </div>
    </section>
  );
}

function Waiting() {
  const { queue, notifies, session, publicKeys, acts } = state;
  const [asks, setAsks] = useState(false);
  if (queue === null) return null;
  const kept = queue.promise === undefined ? null : promiseOf(queue.promise);
  return (
    <section class="stack">
      {queue.otherClients > 0 && <p class="quiet">{many("wait.other", queue.otherClients)}</p>}
      {!acts && <p class="note">{t("wait.elsewhere")}</p>}
      {kept !== null && <p class="quiet">{t("wait.kept", { time: time(kept.keptUntil) })}</p>}
      {session?.identity.startsWith("eth|") && publicKeys !== null && acts && <SecondSignature />}
      <div class="row">
        {"Notification" in window && Notification.permission !== "denied" && (
          <button type="button" disabled={notifies} onClick={() => void participant.allowNotifications()}>
            {notifies ? t("wait.notifyOn") : t("wait.notify")}
          </button>
        )}
        {participant.keepsake() !== null && <KeepsakeButton />}
        {!asks && (
          <button type="button" class="plain" onClick={() => setAsks(true)}>
            {t("action.leave")}
          </button>
        )}
      </div>
      {asks && (
        <div class="note warn stack" role="alertdialog" aria-label={t("action.leave")}>
          <p>{t("wait.reallyLeave")}</p>
          <div class="row">
            <button type="button" onClick={() => setAsks(false)}>
              {t("wait.stay")}
            </button>
            <button type="button" onClick={() => participant.leave()}>
              {t("action.leave")}
            </button>
          </div>
        </div>
      )}
    </section>
  );
}

function SecondSignature() {
  const { session, publicKeys, status, ecdsa } = state;
  const wallets = useWallets();
  const [wrong, setWrong] = useState("");
  const wallet = participant.signer.wallet ?? wallets[0];
  if (wallet === undefined || status === null || publicKeys === null || session === null) return null;
  const sign = async () => {
    setWrong("");
    const address = await account(wallet);
    const data = contributionTypedData(status.subCeremonies, publicKeys);
    participant.signWork(await signContribution(wallet, address, data));
  };
  return (
    <div class="note stack">
      <h2>{t("ecdsa.title")}</h2>
      <p>{t("ecdsa.what")}</p>
      {ecdsa ? (
        <p>
          <strong>{t("ecdsa.done")}</strong>
        </p>
      ) : (
        <button type="button" id="sign" onClick={() => void sign().catch((error: unknown) => setWrong(reason(error)))}>
          {t("ecdsa.go")}
        </button>
      )}
      {wrong !== "" && <p role="status">{wrong}</p>}
    </div>
  );
}

/** The progress of a turn. */
function Working() {
  const { progress, status, acts } = state;
  if (progress === null || status === null || !acts) return null;
  const { step, done, subs } = progress;
  if (step === "compute" && subs.length > 1) {
    return (
      <ul class="parts">
        {subs.map((part, i) => {
          const label = t("turn.sub", { number: i + 1, count: subs.length, powers: status.subCeremonies[i]!.numG1Powers });
          return (
            <li key={i}>
              <div class="row">
                <span id={`part-${i}`}>{label}</span>
                <span>{t("turn.percent", { percent: Math.floor(part * 100) })}</span>
              </div>
              <progress max={1} value={part} aria-labelledby={`part-${i}`} />
            </li>
          );
        })}
      </ul>
    );
  }
  const labels = {
    download: t("turn.download"),
    check: t("turn.check"),
    compute: t("turn.compute"),
    upload: t("turn.upload"),
    verify: t("turn.verify"),
  };
  return (
    <p>
      <progress max={1} {...(step === "verify" || step === "check" ? {} : { value: done })} aria-label={labels[step]} />
    </p>
  );
}

function KeepsakeButton() {
  const kept = participant.keepsake();
  if (kept === null) return null;
  return (
    <button type="button" onClick={() => download("tauline-tickets.json", keepsakeText(kept))}>
      {t("done.keepsake")}
    </button>
  );
}

function Done({ done }: { done: DoneState }) {
  const { status, turns } = state;
  const [checks, setChecks] = useState<CheckLine[]>([]);
  const [running, setRunning] = useState(true);
  const [said, setSaid] = useState("");
  const coordinator = status?.coordinatorAddress;
  useEffect(() => {
    if (coordinator === undefined) return;
    let current = true;
    void (async () => {
      const { checkOwn } = await import("../verify");
      const found = await checkOwn(done, participant.keepsake(), coordinator, (all) => current && setChecks(all));
      if (found !== null) participant.rememberNumber(found);
      if (current) setRunning(false);
    })().catch(() => current && setRunning(false));
    return () => {
      current = false;
    };
  }, [coordinator, done.receipt.receipt]);
  const receiptName = `tauline-receipt-${done.ticket ?? done.number ?? ""}.json`;
  const link = `${location.origin}/${done.number === null ? "" : `contributions/${done.number}`}`;
  const shared =
    done.number === null
      ? t("done.shareTextPlain", { name: nameOfCeremony(), link })
      : t("done.shareText", { number: done.number, name: nameOfCeremony(), link });
  const share = async () => {
    if (navigator.share !== undefined) await navigator.share({ text: shared });
    else {
      // Where nothing may be copied, the text is shown.
      const copied = navigator.clipboard?.writeText(shared) ?? Promise.reject(new Error());
      setSaid(await copied.then(() => t("done.copied")).catch(() => shared));
    }
  };
  return (
    <>
      <Say sentence={taking(state, 0)!}>
        <button
          type="button"
          class="primary"
          id="receipt"
          onClick={() => download(receiptName, JSON.stringify(done.receipt) + "\n")}
        >
          {t("action.download")}
        </button>
      </Say>
      {done.warnings.map((warning) => (
        <p class="note warn" key={warning}>
          {warning}
        </p>
      ))}
      {done.own === null && <p class="note">{t("done.otherRun")}</p>}
      <Band turns={turns} own={done.number ?? undefined} />
      <section class="stack">
        <h2>{t("done.checks")}</h2>
        <CheckList checks={checks} running={running} />
      </section>
      <section class="stack">
        <h2>{t("done.receipt")}</h2>
        <p>{t("done.receiptWhat")}</p>
        {done.own !== null && (
          <p class="quiet">
            {t("done.secret")}{" "}
            {t("done.times", {
              download: duration(done.own.times.download),
              compute: duration(done.own.times.compute),
              upload: duration(done.own.times.upload),
            })}
          </p>
        )}
        <div class="row">
          <KeepsakeButton />
          {done.number !== null && (
            <a class="button" href={`/contributions/${done.number}`}>
              {t("action.seeResult")}
            </a>
          )}
          <button type="button" onClick={() => void share().catch(() => undefined)}>
            {t("done.share")}
          </button>
          <button
            type="button"
            onClick={() => download("contribution.svg", picture(nameOfCeremony(), done.number, turns), "image/svg+xml")}
          >
            {t("done.picture")}
          </button>
        </div>
        <p role="status">{said}</p>
        <p class="quiet small">{t("done.keepsakeWhat")}</p>
        <p class="quiet">
          {t("done.again")} <a href="/verify">{t("foot.verify")}</a>
        </p>
        <p>
          <button type="button" class="plain" onClick={() => participant.startOver()}>
            {t("signIn.out")}
          </button>
        </p>
      </section>
    </>
  );
}


// Signing in for a program that asked for it: `/sign-in#state=…`.

import { useEffect, useRef, useState } from "preact/hooks";
import { json, Refused } from "../protocol";
import { t } from "../texts";
import { account, personalSign } from "../wallet";
import { reason, useWallets } from "./take";

export function SignInPage() {
  const wallets = useWallets();
  const [said, say] = useState<{ text: string; bad: boolean }>({ text: "", bad: false });
  const [message, show] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  /** Where the program that waits is told that this account may not take part. */
  const [refusal, setRefusal] = useState<string | null>(null);
  const address = useRef<HTMLInputElement>(null);
  const signature = useRef<HTMLTextAreaElement>(null);
  const state = new URLSearchParams(location.hash.slice(1)).get("state");
  if (state === null) {
    return (
      <section class="stack">
        <h1>{t("signInPage.title")}</h1>
        <p class="note">{t("signInPage.noState")}</p>
      </section>
    );
  }
  const messageFor = async (of: string) => {
    const body = { state, address: of };
    return (await json<{ message: string }>("/auth/eth/message", { method: "POST", body })).message;
  };
  const finish = async (signed: string, by: string) => {
    const body = { state, message: signed, signature: by };
    const { location: next } = await json<{ location: string }>("/auth/eth", { method: "POST", body });
    location.assign(next);
  };
  const attempt = (work: () => Promise<void>) => {
    setBusy(true);
    setRefusal(null);
    say({ text: "", bad: false });
    work()
      .catch((error: unknown) => {
        say({ text: reason(error), bad: true });
        if (error instanceof Refused) setRefusal(error.body.location ?? null);
      })
      .finally(() => setBusy(false));
  };
  return (
    <>
      <section class="stack">
        <h1>{t("signInPage.title")}</h1>
        <p>{t("signInPage.lead")}</p>
        {wallets.length === 0 && <p class="quiet">{t("signIn.noWallet")}</p>}
        <div class="row">
          {wallets.map((wallet) => (
            <button
              key={wallet.id}
              type="button"
              class="primary"
              disabled={busy}
              onClick={() =>
                attempt(async () => {
                  say({ text: t("signIn.lookAtWallet"), bad: false });
                  const own = await account(wallet);
                  const text = await messageFor(own);
                  await finish(text, await personalSign(wallet, text, own));
                })
              }
            >
              {t("signIn.wallet", { name: wallet.name })}
            </button>
          ))}
        </div>
      </section>
      <section class="stack">
        <h2>{t("signInPage.byHand")}</h2>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            attempt(async () => show(await messageFor(address.current?.value.trim() ?? "")));
          }}
        >
          <label for="address">{t("signInPage.address")}</label>
          <div class="inline-form">
            <input id="address" ref={address} type="text" class="mono" autocomplete="off" spellcheck={false} maxLength={42} required />
            <button disabled={busy}>{t("signInPage.showMessage")}</button>
          </div>
        </form>
        {message !== null && (
          <form
            class="stack"
            onSubmit={(event) => {
              event.preventDefault();
              attempt(() => finish(message, signature.current?.value.trim() ?? ""));
            }}
          >
            <div>
              <label for="message">{t("signInPage.message")}</label>
              <textarea id="message" class="mono" rows={12} readOnly value={message} />
            </div>
            <div>
              <label for="signature">{t("signInPage.signature")}</label>
              <textarea id="signature" ref={signature} class="mono" rows={3} autocomplete="off" spellcheck={false} required />
            </div>
            <button class="primary" disabled={busy}>
              {t("signInPage.go")}
            </button>
          </form>
        )}
        <p role="status" class={said.bad ? "note bad" : ""}>
          {said.text}
        </p>
        {refusal !== null && <Telling to={refusal} stay={() => setRefusal(null)} />}
      </section>
    </>
  );
}

/** How long a person has to take another account before the program is told, in seconds. */
const PATIENCE = 30;

/** Goes to the program that waits with the refusal, unless the person stays to take another account. */
function Telling({ to, stay }: { to: string; stay: () => void }) {
  const [seconds, setSeconds] = useState(PATIENCE);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((left) => left - 1), 1000);
    return () => clearInterval(timer);
  }, [to]);
  useEffect(() => {
    if (seconds <= 0) location.assign(to);
  }, [seconds <= 0]);
  return (
    <div class="stack">
      <p>{t("signInPage.tells", { seconds: Math.max(0, seconds) })}</p>
      <div class="row">
        <button type="button" onClick={stay}>
          {t("signInPage.another")}
        </button>
        <a class="button" href={to} rel="noreferrer">
          {t("signInPage.tellNow")}
        </a>
      </div>
    </div>
  );
}

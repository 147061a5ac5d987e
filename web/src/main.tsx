// The page: one address a state, one state for all.

import { render } from "preact";
import "./style.css";
import * as participant from "./participant";
import { positionOf } from "./sentence";
import { go, set, state, subscribe, useStore } from "./store";
import { choose, number, t } from "./texts";
import { About } from "./views/about";
import { List, One } from "./views/list";
import { nameOfCeremony, Shell } from "./views/shell";
import { SignInPage } from "./views/sign-in";
import { Take } from "./views/take";
import { Verify } from "./views/verify";
import { Watch } from "./views/watch";
import { watch } from "./watch";

function Page() {
  const { path } = useStore();
  const one = /^\/contributions\/([1-9]\d{0,9})$/.exec(path);
  const page =
    path === "/" ? (
      <Watch />
    ) : path === "/take-part" ? (
      <Take />
    ) : path === "/contributions" ? (
      <List />
    ) : one !== null ? (
      <One number={Number(one[1])} />
    ) : path === "/verify" ? (
      <Verify />
    ) : path === "/about" ? (
      <About />
    ) : path === "/sign-in" ? (
      <SignInPage />
    ) : (
      <section class="stack">
        <h1>{t("notFound.title")}</h1>
        <p>
          <a href="/">{t("action.back")}</a>
        </p>
      </section>
    );
  return <Shell>{page}</Shell>;
}

/** The tab's title says where one stands, for whoever looks at another tab. */
function title(): string {
  const { stage, queue, progress, status, path } = state;
  const name = nameOfCeremony();
  if (stage.at === "in" && queue !== null) {
    if (queue.queueStatus === "queued") return `${number(positionOf(queue, state.turns))} · ${name}`;
    const percent = progress?.step === "compute" ? ` ${t("turn.percent", { percent: Math.floor(progress.done * 100) })}` : "";
    return `▶${percent} · ${name}`;
  }
  if (stage.at === "done" && path === "/take-part") return `✓ ${name}`;
  if (path !== "/" || status === null) return name;
  return `${number(status.contributions)} · ${name}`;
}

/** Links to addresses of this page change the page without loading it again: a place in line lives on. */
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest?.("a");
  if (link === null || link === undefined || link.hasAttribute("download")) return;
  const href = link.getAttribute("href");
  if (href === null || !/^\/(?!\/)/.test(href) || /^\/(ceremony|log|auth|login|queue|contribution)\//.test(href)) return;
  event.preventDefault();
  const [path, anchor] = href.split("#");
  go(href);
  set({ path: path! });
  if (anchor !== undefined) requestAnimationFrame(() => document.getElementById(anchor)?.scrollIntoView());
});

addEventListener("popstate", () => set({ path: location.pathname }));
subscribe(() => {
  const wanted = title();
  if (document.title !== wanted) document.title = wanted;
});

choose();
set({ redirectError: participant.fromAddress() });
render(<Page />, document.getElementById("page")!);
void watch(participant.hearLine).then(() => participant.resume());

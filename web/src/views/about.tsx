// What this is, for somebody who has never heard of it.

import { t } from "../texts";

export function About() {
  return (
    <>
      <section class="stack">
        <h1>{t("about.title")}</h1>
        <p>{t("about.what1")}</p>
        <p>{t("about.what2")}</p>
        <p>{t("about.what3")}</p>
      </section>
      <section class="stack" id="fair">
        <h2>{t("about.fair")}</h2>
        <p>{t("about.fair1")}</p>
        <p>{t("about.fair2")}</p>
        <p>{t("about.fair3")}</p>
      </section>
      <section class="stack">
        <h2>{t("about.trust")}</h2>
        <p>{t("about.trust1")}</p>
        <p>
          <a href="/take-part">{t("action.takePart")}</a> · <a href="/verify">{t("foot.verify")}</a>
        </p>
      </section>
    </>
  );
}

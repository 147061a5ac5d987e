// Languages have the same texts, with the same placeholders, and the page uses all of them.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { de } from "../src/texts/de";
import { en, type Key } from "../src/texts/en";

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((it) => it[1]).sort();

for (const [name, texts] of Object.entries({ de })) {
  test(`${name} has the keys and placeholders of en`, () => {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(en).sort());
    for (const key of Object.keys(en) as Key[]) {
      assert.deepEqual(placeholders(texts[key]), placeholders(en[key]), key);
      assert.ok(texts[key].trim() !== "", key);
    }
  });
}

test("every text is used somewhere", () => {
  const folder = new URL("../src/", import.meta.url);
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !/texts\/(en|de)\.ts$/.test(name))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  const unused = Object.keys(en).filter((key) => {
    const stem = key.replace(/_(one|other|zero)$/, "");
    // Some are put together: `over.${ended}`.
    const group = stem.slice(0, stem.indexOf(".") + 1);
    return !sources.includes(`"${stem}"`) && !(group !== "" && sources.includes(`\`${group}\${`));
  });
  assert.deepEqual(unused, []);
});

test("nothing that may be typed by others is taken for markup", () => {
  const folder = new URL("../src/", import.meta.url);
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!/\.tsx?$/.test(name)) continue;
    const source = readFileSync(new URL(name, folder), "utf8");
    for (const dangerous of ["innerHTML", "eval(", "document.write", "new Function"]) {
      assert.ok(!source.includes(dangerous), `${name}: ${dangerous}`);
    }
  }
});

// Texts of the chosen language, with numbers and times as that language writes them.

import { de } from "./de";
import { en, type Key, type Texts } from "./en";

export const languages = { en, de } satisfies Record<string, Texts>;
export type Language = keyof typeof languages;
export type { Key };

type Values = Record<string, string | number>;

function preferred(): Language {
  const kept = localStorage.getItem("language");
  const wanted = [kept, ...navigator.languages].map((it) => it?.slice(0, 2));
  return (wanted.find((it) => it !== undefined && it in languages) as Language | undefined) ?? "en";
}

export let language: Language = "en";
let plurals = new Intl.PluralRules("en");
let numbers = new Intl.NumberFormat("en");

export function choose(chosen: Language = preferred(), keep = false): void {
  language = chosen;
  plurals = new Intl.PluralRules(chosen);
  numbers = new Intl.NumberFormat(chosen);
  document.documentElement.lang = chosen;
  if (keep) localStorage.setItem("language", chosen);
}

export const number = (value: number): string => numbers.format(value);

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value) : value;
  });
}

export function t(key: Key, values: Values = {}): string {
  return filled(languages[language][key], values);
}

type Counted = {
  [K in Key]: K extends `${infer Stem}_other` ? Stem : never;
}[Key];

/** The form of a text for this many. `_zero` where the language has one, else by its rules. */
export function many(stem: Counted, count: number, values: Values = {}): string {
  const texts: Partial<Record<string, string>> = languages[language];
  const zero = count === 0 ? texts[`${stem}_zero`] : undefined;
  const text = zero ?? texts[`${stem}_${plurals.select(count)}`] ?? texts[`${stem}_other`]!;
  return filled(text, { count, ...values });
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in the unit that suits it. */
export function duration(ms: number): string {
  if (ms < 99_500) return many("time.seconds", Math.round(ms / 1000));
  if (ms < 90 * MINUTE) return many("time.minutes", Math.round(ms / MINUTE));
  if (ms < 36 * HOUR) return many("time.hours", Math.round(ms / HOUR));
  return many("time.days", Math.round(ms / DAY));
}

/** A range without more precision than it has. */
export function range(low: number, high: number): string {
  if (high <= MINUTE) return t("time.underMinute");
  const [unit, key, single] =
    high < 90 * MINUTE
      ? ([MINUTE, "time.rangeMinutes", "time.minutes"] as const)
      : high < 48 * HOUR
        ? ([HOUR, "time.rangeHours", "time.hours"] as const)
        : ([DAY, "time.rangeDays", "time.days"] as const);
  const [from, to] = [Math.max(1, Math.floor(low / unit)), Math.ceil(high / unit)];
  return from >= to ? many(single, to) : t(key, { low: from, high: to });
}

/** Minutes and seconds: 0:23. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A time of day; with the date if it is not today. */
export function time(unixMs: number, now = Date.now()): string {
  const sameDay = new Date(unixMs).toDateString() === new Date(now).toDateString();
  const style: Intl.DateTimeFormatOptions = sameDay
    ? { timeStyle: "short" }
    : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(language, style).format(unixMs);
}

export const fullTime = (unixMs: number): string =>
  new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" }).format(unixMs);

export function bytes(count: number): string {
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(count / 1e6)} MB`;
}

// The page's words in the reader's language.

import { effect, signal } from "@preact/signals";
import { en } from "./en";
import { ja } from "./ja";

export type Key = keyof typeof en;
export type Language = "en" | "ja";

const WORDS: Record<Language, Record<Key, string>> = { en, ja };

/** The language to begin with: what was chosen, else the first of the browser's that we have. */
export function preferred(chosen: string | null, browser: readonly string[]): Language {
  if (chosen === "en" || chosen === "ja") return chosen;
  const first = browser.map((one) => one.slice(0, 2).toLowerCase()).find((one) => one === "en" || one === "ja");
  return first === "ja" ? "ja" : "en";
}

/** `text` with {n} and the like filled in. Of 'one face|{n} faces' the part is taken that fits n. */
export function filled(text: string, values: Record<string, string | number>, language: Language): string {
  const [one = "", many] = text.split("|");
  const part = many !== undefined && values["n"] !== 1 ? many : one;
  return part.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? new Intl.NumberFormat(language).format(value) : value;
  });
}

function chosen(): string | null {
  try {
    return localStorage.getItem("language");
  } catch {
    return null;
  }
}

export const language = signal<Language>(
  typeof navigator === "undefined" ? "en" : preferred(chosen(), navigator.languages),
);

export function said(key: Key, values: Record<string, string | number> = {}): string {
  return filled(WORDS[language.value][key], values, language.value);
}

export function speak(one: Language): void {
  language.value = one;
  try {
    localStorage.setItem("language", one);
  } catch {
    return;
  }
}

export function watchLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value;
  });
}

// The page's texts in the chosen language.

import { effect, signal } from "@preact/signals";
import { en, type MessageKey } from "./en";
import { ja } from "./ja";

export type { MessageKey };
export type Language = "en" | "ja";
export type Values = Record<string, string | number | null>;

const MESSAGES: Record<Language, Record<MessageKey, string>> = { en, ja };

/** The stored language, else the first of the browser's languages that the page has, else English. */
export function pickLanguage(stored: string | null, browser: readonly string[]): Language {
  if (stored === "en" || stored === "ja") return stored;
  const first = browser.map((tag) => tag.slice(0, 2).toLowerCase()).find((code) => code === "en" || code === "ja");
  return first === "ja" ? "ja" : "en";
}

/** Replaces {name} placeholders; of "1 face|{n} faces" takes the part for n. */
export function interpolate(text: string, values: Values, language: Language): string {
  const [one = "", many] = text.split("|");
  const part = many !== undefined && values["n"] !== 1 ? many : one;
  return part.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = values[name];
    if (value === undefined || value === null) return placeholder;
    return typeof value === "number" ? new Intl.NumberFormat(language).format(value) : value;
  });
}

function storedLanguage(): string | null {
  try {
    return localStorage.getItem("language");
  } catch {
    return null; // storage may be forbidden
  }
}

export const language = signal<Language>(
  typeof navigator === "undefined" ? "en" : pickLanguage(storedLanguage(), navigator.languages),
);

/** The text of `key` in the current language. */
export function t(key: MessageKey, values: Values = {}): string {
  return interpolate(MESSAGES[language.value][key], values, language.value);
}

/** The text of a key that is put together at run time, such as `error.${code}`; null if there is none. */
export function lookup(key: string, values: Values = {}): string | null {
  return key in en ? t(key as MessageKey, values) : null;
}

/** Joins the items of an enumeration as the current language does. */
export function joinList(items: string[]): string {
  return items.join(language.value === "ja" ? "、" : ", ");
}

export function setLanguage(choice: Language): void {
  language.value = choice;
  try {
    localStorage.setItem("language", choice);
  } catch {
    return; // storage may be forbidden
  }
}

export function watchLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value;
  });
}

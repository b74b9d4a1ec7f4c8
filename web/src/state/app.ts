// State that all views share: the session, the gallery's counts, notices and the theme.

import { computed, effect, signal } from "@preact/signals";
import { get, onSignedOut, Problem } from "../api";
import type { Gallery, Session } from "../types";
import { language, lookup, t, type Values } from "../words";

export const session = signal<Session | null>(null);
export const gallery = signal<Gallery | null>(null);
export const signedOut = signal(false);
export const startError = signal("");

export const canWrite = computed(() => session.value?.role === "write" || session.value?.role === "admin");
export const canAdmin = computed(() => session.value?.role === "admin");

/** Loads the session and the gallery's counts; shows the sign-in form if the server needs an access key. */
export async function start(): Promise<void> {
  onSignedOut(() => {
    signedOut.value = true;
  });
  try {
    const current = await get<Session>("/session");
    signedOut.value = current.role === null;
    session.value = current;
    startError.value = "";
    if (current.role !== null) gallery.value = await get<Gallery>("/gallery");
  } catch (error) {
    if (!signedOut.value) startError.value = errorMessage(error);
  }
}

export async function refreshGallery(): Promise<void> {
  gallery.value = await get<Gallery>("/gallery").catch(() => gallery.value);
}

/** Codes for which the server's sentence says more than the page's. */
const GENERIC = new Set([
  "invalid-arguments",
  "invalid-parameters",
  "gallery-error",
  "model-unavailable",
  "unavailable",
]);

/** A problem as one sentence in the reader's language; the server's English one if its code has no translation. */
export function problemMessage(code: string, values: Values, detail: string): string | null {
  if (GENERIC.has(code) && detail && language.value === "en") return detail;
  return lookup(`error.${code}`, values) || detail || null;
}

export function errorMessage(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error);
  return problemMessage(error.code, error.values, error.detail) ?? t("error.unknown", { status: String(error.status) });
}

// ---- notices ---------------------------------------------------------------------------------------------------------

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
  undo?: (() => void) | undefined;
}

export const notices = signal<Notice[]>([]);
let lastNotice = 0;

export function notify(text: string, options: { bad?: boolean; undo?: () => void } = {}): void {
  const notice: Notice = { id: ++lastNotice, text, bad: options.bad ?? false, undo: options.undo };
  notices.value = [...notices.value.slice(-2), notice];
  setTimeout(() => dismiss(notice.id), notice.undo || notice.bad ? 12000 : 5000);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

export function reportError(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  notify(errorMessage(error), { bad: true });
}

// ---- theme -----------------------------------------------------------------------------------------------------------

export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];

function storedTheme(): Theme {
  try {
    return THEMES.find((name) => name === localStorage.getItem("theme")) ?? "system";
  } catch {
    return "system"; // storage may be forbidden
  }
}

function storeTheme(name: Theme): void {
  try {
    localStorage.setItem("theme", name);
  } catch {
    return; // storage may be forbidden
  }
}

export const theme = signal<Theme>(storedTheme());

export function isDark(): boolean {
  return theme.value === "dark" || (theme.value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

export function watchTheme(): void {
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    storeTheme(theme.value);
  });
}

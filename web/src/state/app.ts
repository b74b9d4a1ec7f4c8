// What all views share: who is asking, what the gallery holds, and what is said at the edge of the page.

import { computed, effect, signal } from "@preact/signals";
import { get, onSignedOut, Problem } from "../api";
import type { Gallery, Session } from "../shapes";
import { said, type Key } from "../words";

export const session = signal<Session | null>(null);
export const gallery = signal<Gallery | null>(null);
export const signedOut = signal(false);
export const trouble = signal("");

export const mayWrite = computed(() => session.value?.role === "write" || session.value?.role === "admin");
export const mayAdmin = computed(() => session.value?.role === "admin");

export async function begin(): Promise<void> {
  onSignedOut(() => {
    signedOut.value = true;
  });
  try {
    const who = await get<Session>("/session");
    signedOut.value = who.role === null;
    session.value = who;
    trouble.value = "";
    if (who.role !== null) gallery.value = await get<Gallery>("/gallery");
  } catch (error) {
    if (!signedOut.value) trouble.value = sentence(error);
  }
}

export async function renewGallery(): Promise<void> {
  gallery.value = await get<Gallery>("/gallery").catch(() => gallery.value);
}

/** What the server's codes are in our own words; the details of others say more. */
const OWN_WORDS: Record<string, Key> = {
  "role-too-low": "error.role",
  "photo-too-large": "error.large",
  "body-too-large": "error.large",
  "too-many-requests": "error.busy",
  "gallery-busy": "error.busy",
  "answer-timeout": "error.timeout",
  "no-face": "error.noface",
  "unreadable-photo": "error.unreadable",
};

/** An error as one sentence, in the reader's language as far as it can be. */
export function sentence(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error);
  if (error.status === 0) return said("error.unreachable");
  if (error.status === 401) return said("error.key");
  const known = OWN_WORDS[error.code];
  if (known) return said(known);
  return error.detail || said("error.unknown", { status: error.status });
}

// ---- notices -------------------------------------------------------------------------------------------------------

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
  undo?: (() => void) | undefined;
}

export const notices = signal<Notice[]>([]);
let last = 0;

export function notify(text: string, options: { bad?: boolean; undo?: () => void } = {}): void {
  const notice: Notice = { id: ++last, text, bad: options.bad ?? false, undo: options.undo };
  notices.value = [...notices.value.slice(-2), notice];
  setTimeout(() => dismiss(notice.id), notice.undo || notice.bad ? 12000 : 5000);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

export function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  notify(sentence(error), { bad: true });
}

// ---- light and dark ------------------------------------------------------------------------------------------------

export type Theme = "system" | "light" | "dark";
const THEMES: Theme[] = ["system", "light", "dark"];

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage may be forbidden
  }
}

export function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    return;
  }
}

export const theme = signal<Theme>(THEMES.find((one) => one === stored("theme")) ?? "system");

export function isDark(): boolean {
  return theme.value === "dark" || (theme.value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

export function watchTheme(): void {
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    store("theme", theme.value);
  });
}

// The search that is going on: what it asks about, and what was answered. It outlives a change of view.

import { computed, signal } from "@preact/signals";
import { search, send, type Query } from "../api";
import type { Answers, Face, Identities, Person } from "../shapes";
import { complain, gallery, sentence } from "./app";

/** What is asked about: pictures (several are of one person), or somebody of the gallery, 'face:12' or '#12'. */
export type Subject = { pictures: File[] } | { probe: string } | null;

const FIRST = 200; // hits; the slider sorts among these without asking again
const MOST = 1000;

export const subject = signal<Subject>(null);
export const answers = signal<Answers | null>(null);
export const who = signal<Identities | null>(null);
export const chosen = signal(0);
export const busy = signal(false);
export const problem = signal("");
export const limit = signal<number | null>(null); // of the distance, as the slider has it
export const away = signal<Face[]>([]);
export const only = signal<Person[]>([]);
export const lookalikes = signal(false);
export const most = signal(FIRST);
/** Whether what was answered last are look-alikes. */
export const apart = signal(false);

export const answer = computed(() => answers.value?.answers[chosen.value] ?? null);

/** The limit that holds: the slider's, else the model's threshold, else none. */
export const nearest = computed(() => limit.value ?? (apart.value ? null : (answers.value?.info.threshold ?? null)));

export const shown = computed(() => {
  const bound = nearest.value;
  const matches = answer.value?.hits ?? [];
  return bound === null ? matches : matches.filter((match) => match.distance < bound);
});

/** Whether there may be more below the limit than were fetched. */
export const cut = computed(() => {
  const matches = answer.value?.hits ?? [];
  return matches.length === most.value && shown.value.length === matches.length && most.value < MOST;
});

let stop = new AbortController();

export function ask(about: Subject): void {
  subject.value = about;
  away.value = [];
  chosen.value = 0;
  limit.value = null;
  most.value = FIRST;
  answers.value = null;
  who.value = null;
  void again();
}

export function forget(): void {
  stop.abort();
  busy.value = false;
  subject.value = null;
  answers.value = null;
  who.value = null;
  problem.value = "";
  away.value = [];
}

function query(): Query {
  return {
    k: most.value,
    different_people: lookalikes.value,
    person: only.value.map((person) => `#${person.id}`),
    exclude: away.value.map((face) => `face:${face.id}`),
  };
}

/** Asks anew with what is set. */
export async function again(): Promise<void> {
  const about = subject.value;
  if (!about) return;
  stop.abort();
  const mine = (stop = new AbortController());
  busy.value = true;
  problem.value = "";
  const apartNow = lookalikes.value;
  try {
    const pictures = "pictures" in about ? about.pictures : [];
    const probe = "probe" in about ? { probe: about.probe } : {};
    const found = await search(pictures, { ...query(), ...probe }, mine.signal);
    if (mine.signal.aborted) return;
    apart.value = apartNow;
    answers.value = found;
    chosen.value = Math.min(chosen.value, Math.max(found.answers.length - 1, 0));
    if (!found.answers.length) problem.value = found.problems[0] ?? "";
    void identify(pictures, probe, mine.signal);
  } catch (error) {
    if (mine.signal.aborted) return;
    problem.value = sentence(error);
    answers.value = null;
  } finally {
    if (stop === mine) busy.value = false;
  }
}

/** Who it is, where anybody has a name; the search does not wait for it. */
async function identify(pictures: File[], probe: Query, signal: AbortSignal): Promise<void> {
  if (who.value || !gallery.value?.named) return;
  try {
    const parts = pictures.map((picture): [string, Blob] => ["image", picture]);
    const found = await send<Identities>("/identify", parts, { ...probe, k: 3 }, signal);
    if (!signal.aborted) who.value = found;
  } catch (error) {
    if (!signal.aborted) complain(error);
  }
}

export function notThis(face: Face): void {
  away.value = [...away.value.filter((one) => one.id !== face.id), face];
  void again();
}

export function andThis(face: Face): void {
  away.value = away.value.filter((one) => one.id !== face.id);
  void again();
}

export function more(): void {
  most.value = MOST;
  void again();
}

// The current search: its probe, its filters and its results. It outlives a change of view.

import { computed, signal } from "@preact/signals";
import { search, send, type Query } from "../api";
import type { Face, IdentifyResponse, Person, SearchResponse } from "../types";
import { errorMessage, gallery, reportError } from "./app";

/** What to search for: pictures (several are of one person), or a face or person of the gallery: 'face:12', '#12'. */
export type Probe = { pictures: File[] } | { name: string };

const FIRST_LIMIT = 200; // hits; the slider filters among these without another request
const MAX_LIMIT = 1000;

export const probe = signal<Probe | null>(null);
export const results = signal<SearchResponse | null>(null);
export const identities = signal<IdentifyResponse | null>(null);
/** Which of the probe's faces is selected. */
export const selected = signal(0);
export const busy = signal(false);
export const problem = signal("");
/** The slider's distance; null: the model's threshold. */
export const sliderDistance = signal<number | null>(null);
export const excluded = signal<Face[]>([]);
export const onlyPeople = signal<Person[]>([]);
export const lookalikes = signal(false);
export const limit = signal(FIRST_LIMIT);
/** Whether the current results are look-alikes. */
export const showsLookalikes = signal(false);

export const result = computed(() => results.value?.answers[selected.value] ?? null);

/** Hits at or above this distance are not shown: the slider's, else the model's threshold, else null. */
export const maxDistance = computed(
  () => sliderDistance.value ?? (showsLookalikes.value ? null : (results.value?.info.threshold ?? null)),
);

export const hits = computed(() => {
  const bound = maxDistance.value;
  const all = result.value?.hits ?? [];
  return bound === null ? all : all.filter((hit) => hit.distance < bound);
});

/** Whether there may be more hits below the distance than were fetched. */
export const mayHaveMore = computed(() => {
  const fetched = result.value?.hits.length ?? 0;
  return fetched === limit.value && hits.value.length === fetched && limit.value < MAX_LIMIT;
});

let controller = new AbortController();

/** Starts a new search; the people it is limited to stay. */
export function searchFor(target: Probe): void {
  probe.value = target;
  excluded.value = [];
  selected.value = 0;
  sliderDistance.value = null;
  limit.value = FIRST_LIMIT;
  results.value = null;
  identities.value = null;
  void runSearch();
}

export function clearSearch(): void {
  controller.abort();
  busy.value = false;
  probe.value = null;
  results.value = null;
  identities.value = null;
  problem.value = "";
  excluded.value = [];
}

function filters(): Query {
  return {
    k: limit.value,
    different_people: lookalikes.value,
    person: onlyPeople.value.map((person) => `#${person.id}`),
    exclude: excluded.value.map((face) => `face:${face.id}`),
  };
}

/** Runs the current search with the current filters. */
export async function runSearch(): Promise<void> {
  const target = probe.value;
  if (!target) return;
  controller.abort();
  const mine = (controller = new AbortController());
  busy.value = true;
  problem.value = "";
  const wantsLookalikes = lookalikes.value;
  try {
    const pictures = "pictures" in target ? target.pictures : [];
    const named: Query = "name" in target ? { probe: target.name } : {};
    const response = await search(pictures, { ...filters(), ...named }, mine.signal);
    if (mine.signal.aborted) return;
    showsLookalikes.value = wantsLookalikes;
    results.value = response;
    selected.value = Math.min(selected.value, Math.max(response.answers.length - 1, 0));
    if (!response.answers.length) problem.value = response.problems[0] ?? "";
    void identify(pictures, named, mine.signal);
  } catch (error) {
    if (mine.signal.aborted) return;
    problem.value = errorMessage(error);
    results.value = null;
  } finally {
    if (controller === mine) busy.value = false;
  }
}

/** Identifies the probe if the gallery has named people; the search does not wait for it. */
async function identify(pictures: File[], named: Query, signal: AbortSignal): Promise<void> {
  if (identities.value || !gallery.value?.named) return;
  try {
    const parts = pictures.map((picture): [string, Blob] => ["image", picture]);
    const response = await send<IdentifyResponse>("/identify", parts, { ...named, k: 3 }, signal);
    if (!signal.aborted) identities.value = response;
  } catch (error) {
    if (!signal.aborted) reportError(error);
  }
}

export function exclude(face: Face): void {
  excluded.value = [...excluded.value.filter((other) => other.id !== face.id), face];
  void runSearch();
}

export function include(face: Face): void {
  excluded.value = excluded.value.filter((other) => other.id !== face.id);
  void runSearch();
}

export function loadMore(): void {
  limit.value = MAX_LIMIT;
  void runSearch();
}

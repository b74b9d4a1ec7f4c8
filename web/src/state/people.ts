// Changes to people. Each one shows a notice with an undo button.

import { signal } from "@preact/signals";
import { get, patch, post } from "../api";
import type { ChangeResponse, Person } from "../types";
import { t } from "../words";
import { notify, refreshGallery, reportError } from "./app";

/** Counts up whenever people have changed; what shows them reloads. */
export const peopleVersion = signal(0);

export const displayName = (person: { id: number; name: string }): string => person.name || `#${person.id}`;

export function peopleChanged(): void {
  peopleVersion.value += 1;
  void refreshGallery();
}

export async function undo(entry?: number | null): Promise<void> {
  try {
    await post("/undo", entry ? { entry } : {});
    notify(t("undone"));
    peopleChanged();
  } catch (error) {
    reportError(error);
  }
}

/** Waits for the change and shows what it did; null if it failed, which is shown too. */
async function change(
  request: Promise<ChangeResponse>,
  describe: (response: ChangeResponse) => string,
): Promise<ChangeResponse | null> {
  try {
    const response = await request;
    notify(describe(response), response.entry ? { undo: () => void undo(response.entry) } : {});
    peopleChanged();
    return response;
  } catch (error) {
    reportError(error);
    return null;
  }
}

export const rename = (person: Person, name: string): Promise<ChangeResponse | null> =>
  change(patch(`/people/${person.id}`, { name }), () => t("done.named", { name }));

export const hide = (person: Person, hidden: boolean): Promise<ChangeResponse | null> =>
  change(patch(`/people/${person.id}`, { hidden }), () =>
    t(hidden ? "done.hidden" : "done.shown", { name: displayName(person) }),
  );

export const merge = (into: Person, others: number[]): Promise<ChangeResponse | null> =>
  change(post(`/people/${into.id}/merge`, { others }), () =>
    t("done.merged", { n: others.length + 1, name: displayName(into) }),
  );

/** Merges person number `other` into `into`, or the other way round if only `other` has a name. */
export async function mergeByNumber(into: Person, other: number): Promise<void> {
  if (into.id === other) return;
  const dragged = await get<Person>(`/people/${other}`).catch(reportError);
  if (!dragged) return;
  if (dragged.name && !into.name) await merge(dragged, [into.id]);
  else await merge(into, [other]);
}

/** Makes a new person of the faces. */
export const split = (faces: number[], name?: string): Promise<ChangeResponse | null> =>
  change(post("/faces/split", name ? { faces, name } : { faces }), ({ person }) =>
    t("done.split", { n: faces.length, name: person ? displayName(person) : "" }),
  );

/** Moves the faces to a person, or makes them unassigned. */
export const move = (faces: number[], person: Person | null): Promise<ChangeResponse | null> =>
  change(post("/faces/move", { faces, person: person?.id ?? null }), () =>
    person
      ? t("done.moved", { n: faces.length, name: displayName(person) })
      : t("done.unassigned", { n: faces.length }),
  );

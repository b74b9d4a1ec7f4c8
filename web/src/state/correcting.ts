// What people put right by hand: each change says what it did, and can be taken back at once.

import { signal } from "@preact/signals";
import { patch, post } from "../api";
import type { Changed, Person } from "../shapes";
import { said } from "../words";
import { complain, notify, renewGallery } from "./app";

/** Counts up whenever people have changed; what shows them asks anew. */
export const corrected = signal(0);

export const called = (person: { id: number; name: string }): string => person.name || `#${person.id}`;

function changed(): void {
  corrected.value += 1;
  void renewGallery();
}

export async function undo(entry?: number | null): Promise<void> {
  try {
    await post("/undo", entry ? { entry } : {});
    notify(said("undone"));
    changed();
  } catch (error) {
    complain(error);
  }
}

/** Does the change; gives back what the server answered, or null where it went wrong, which is then said. */
async function change(done: Promise<Changed>, words: (answer: Changed) => string): Promise<Changed | null> {
  try {
    const answer = await done;
    notify(words(answer), !answer.entry ? {} : { undo: () => void undo(answer.entry) });
    changed();
    return answer;
  } catch (error) {
    complain(error);
    return null;
  }
}

export const name = (person: Person, text: string): Promise<Changed | null> =>
  change(patch(`/people/${person.id}`, { name: text }), () => said("done.named", { name: text }));

export const hide = (person: Person, hidden: boolean): Promise<Changed | null> =>
  change(patch(`/people/${person.id}`, { hidden }), () => said(hidden ? "done.hidden" : "done.shown", { name: called(person) }));

export const merge = (into: Person, others: number[]): Promise<Changed | null> =>
  change(post(`/people/${into.id}/merge`, { others }), () => said("done.merged", { n: others.length + 1, name: called(into) }));

export const split = (faces: number[], text?: string): Promise<Changed | null> =>
  change(post("/faces/split", text ? { faces, name: text } : { faces }), (answer) =>
    said("done.split", { n: faces.length, name: answer.person ? called(answer.person) : "" }),
  );

export const move = (faces: number[], to: Person | null): Promise<Changed | null> =>
  change(post("/faces/move", { faces, person: to?.id ?? null }), () =>
    to ? said("done.moved", { n: faces.length, name: called(to) }) : said("done.removed", { n: faces.length }),
  );

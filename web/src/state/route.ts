// Where we are, kept in the address after '#', so that back, forward and bookmarks work.

import { signal } from "@preact/signals";

export interface Route {
  /** The parts of the path: ["people", "12"]. */
  path: string[];
  query: URLSearchParams;
}

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean), query: new URLSearchParams(query) };
}

export function written(path: string[], query: URLSearchParams): string {
  const text = query.toString();
  return `#/${path.join("/")}${text ? `?${text}` : ""}`;
}

export const route = signal<Route>(parse(typeof location === "undefined" ? "" : location.hash));

export function listen(): void {
  addEventListener("hashchange", () => {
    route.value = parse(location.hash);
  });
}

export function go(to: string): void {
  location.hash = to;
}

/** The present address with some of its query changed; null takes a value out. */
export function withQuery(changes: Record<string, string | number | null>): string {
  const query = new URLSearchParams(route.value.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) query.delete(key);
    else query.set(key, String(value));
  }
  return written(route.value.path, query);
}

/** The same place with another query, without a step in the history. */
export function replaceQuery(changes: Record<string, string | number | null>): void {
  history.replaceState(history.state, "", withQuery(changes));
  route.value = parse(location.hash);
}

let before: string | null = null; // where a photograph was opened from, so that closing goes back there

export function openPhoto(photo: number, face?: number): void {
  const query = new URLSearchParams(route.value.query);
  before = query.has("photo") ? before : written(route.value.path, query);
  go(withQuery({ photo, face: face ?? null }));
}

export function closePhoto(): void {
  const query = new URLSearchParams(route.value.query);
  query.delete("photo");
  query.delete("face");
  if (before === written(route.value.path, query)) history.back();
  else replaceQuery({ photo: null, face: null });
  before = null;
}

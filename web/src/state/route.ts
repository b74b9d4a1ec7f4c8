// The current view and its query, kept in the address after "#" so that back, forward and bookmarks work.

import { signal } from "@preact/signals";

export interface Route {
  /** The parts of the path: ["people", "12"]. */
  path: string[];
  query: URLSearchParams;
}

export function parseHash(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean), query: new URLSearchParams(query) };
}

export function formatHash(path: string[], query: URLSearchParams): string {
  const text = query.toString();
  return `#/${path.join("/")}${text ? `?${text}` : ""}`;
}

export const route = signal<Route>(parseHash(typeof location === "undefined" ? "" : location.hash));

export function watchRoute(): void {
  addEventListener("hashchange", () => {
    route.value = parseHash(location.hash);
  });
}

export function navigate(to: string): void {
  location.hash = to;
}

/** The current address with a changed query; null removes a value. */
export function withQuery(changes: Record<string, string | number | null>): string {
  const query = new URLSearchParams(route.value.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) query.delete(key);
    else query.set(key, String(value));
  }
  return formatHash(route.value.path, query);
}

/** Changes the query without a new history entry. */
export function replaceQuery(changes: Record<string, string | number | null>): void {
  history.replaceState(history.state, "", withQuery(changes));
  route.value = parseHash(location.hash);
}

let openedFrom: string | null = null; // the address a photo was opened from, so that closing it goes back there

export function openPhoto(photo: number, face?: number): void {
  const query = new URLSearchParams(route.value.query);
  openedFrom = query.has("photo") ? openedFrom : formatHash(route.value.path, query);
  navigate(withQuery({ photo, face: face ?? null }));
}

export function closePhoto(): void {
  const query = new URLSearchParams(route.value.query);
  query.delete("photo");
  query.delete("face");
  if (openedFrom === formatHash(route.value.path, query)) history.back();
  else replaceQuery({ photo: null, face: null });
  openedFrom = null;
}

// Everything that is asked of the server goes through here.

import type { Answers, Job } from "./shapes";

const ROOT = "/api/v1";

export type Value = string | number | boolean | null | undefined;
export type Query = Record<string, Value | readonly Value[]>;

/** What the server says went wrong: an RFC 9457 problem document, or that it cannot be reached (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
  ) {
    super(detail);
  }
}

/** The same address with a query, where empty values are left out and lists are repeated. */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? (value as readonly Value[]) : [value as Value]) {
      if (one !== null && one !== undefined && one !== "" && one !== false) search.append(key, String(one));
    }
  }
  const text = search.toString();
  return `${ROOT}${path}${text ? `?${text}` : ""}`;
}

let whenSignedOut: () => void = () => {};

/** What is to happen where the server wants a key. */
export function onSignedOut(then: () => void): void {
  whenSignedOut = then;
}

interface Asking {
  query?: Query | undefined;
  json?: unknown;
  form?: FormData | undefined;
  signal?: AbortSignal | undefined;
}

async function ask<T>(method: string, path: string, { query, json, form, signal }: Asking): Promise<T> {
  const request: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (signal) request.signal = signal;
  if (form) request.body = form;
  else if (json !== undefined) {
    request.body = JSON.stringify(json);
    request.headers = { ...request.headers, "Content-Type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(address(path, query), request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", "");
  }
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function problemOf(response: Response): Promise<Problem> {
  if (response.status === 401) whenSignedOut();
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const detail = body["detail"] ?? body["title"] ?? response.statusText;
  return new Problem(response.status, String(body["code"] ?? ""), typeof detail === "string" ? detail : "");
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  ask<T>("GET", path, { query, signal });
export const post = <T>(path: string, json: unknown = {}, query?: Query): Promise<T> =>
  ask<T>("POST", path, { json, query });
export const patch = <T>(path: string, json: unknown): Promise<T> => ask<T>("PATCH", path, { json });
export const put = <T>(path: string, json: unknown): Promise<T> => ask<T>("PUT", path, { json });
export const remove = <T>(path: string): Promise<T> => ask<T>("DELETE", path, {});

/** Pictures sent as parts of a form; without any, only the query. */
export function send<T>(path: string, parts: [string, Blob][], query?: Query, signal?: AbortSignal): Promise<T> {
  if (!parts.length) return ask<T>("POST", path, { query, signal });
  const form = new FormData();
  for (const [name, picture] of parts) form.append(name, picture, picture instanceof File ? picture.name : "picture");
  return ask<T>("POST", path, { form, query, signal });
}

/** A search by pictures, or, where there are none, by the `probe` in the query. */
export function search(pictures: Blob[], query: Query, signal?: AbortSignal): Promise<Answers> {
  const parts = pictures.map((picture): [string, Blob] => ["image", picture]);
  return send<Answers>("/search", parts, query, signal);
}

export const chip = (face: number, side = 192): string => address(`/faces/${face}/chip`, { side });
export const image = (photo: number, side: number): string => address(`/photos/${photo}/image`, { side });

/** Follows a job until it ends; gives back what stops following. */
export function follow(job: Job, told: (job: Job) => void): () => void {
  const events = new EventSource(address(`/jobs/${job.id}/events`));
  const ended = (state: string): boolean => state === "done" || state === "failed" || state === "cancelled";
  const hear = (event: MessageEvent<string>): void => {
    const now = JSON.parse(event.data) as Job;
    if (ended(now.state)) events.close();
    told(now);
  };
  for (const name of ["progress", "done", "message"]) events.addEventListener(name, hear as EventListener);
  events.onerror = () => {
    if (events.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    get<Job>(`/jobs/${job.id}`).then(told, () => {});
  };
  return () => events.close();
}

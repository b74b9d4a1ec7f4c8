// The server's REST API: every request of the page is made here.

import type { Job, SearchResponse } from "./types";
import type { Values } from "./words";

const ROOT = "/api/v1";

export type QueryValue = string | number | boolean | null | undefined;
export type Query = Record<string, QueryValue | readonly QueryValue[]>;

/** An RFC 9457 problem document, or status 0 and code "unreachable" if there is no response. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly values: Values = {},
  ) {
    super(detail);
  }
}

/** The address of `path` with a query; empty values are left out and lists are repeated. */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? (value as readonly QueryValue[]) : [value as QueryValue]) {
      if (item !== null && item !== undefined && item !== "" && item !== false) search.append(key, String(item));
    }
  }
  const text = search.toString();
  return `${ROOT}${path}${text ? `?${text}` : ""}`;
}

let handleSignedOut: () => void = () => {};

/** Sets what happens when the server asks for an access key. */
export function onSignedOut(handler: () => void): void {
  handleSignedOut = handler;
}

interface RequestOptions {
  query?: Query | undefined;
  json?: unknown;
  form?: FormData | undefined;
  signal?: AbortSignal | undefined;
}

async function request<T>(method: string, path: string, { query, json, form, signal }: RequestOptions): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (signal) init.signal = signal;
  if (form) init.body = form;
  else if (json !== undefined) {
    init.body = JSON.stringify(json);
    init.headers = { ...init.headers, "Content-Type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(address(path, query), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", "");
  }
  if (!response.ok) throw await readProblem(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function readProblem(response: Response): Promise<Problem> {
  if (response.status === 401) handleSignedOut();
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const detail = text(body["detail"]) || text(body["title"]) || response.statusText;
  return new Problem(response.status, text(body["code"]), detail, (body["values"] ?? {}) as Values);
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  request<T>("GET", path, { query, signal });
export const post = <T>(path: string, json: unknown = {}, query?: Query): Promise<T> =>
  request<T>("POST", path, { json, query });
export const patch = <T>(path: string, json: unknown): Promise<T> => request<T>("PATCH", path, { json });
export const put = <T>(path: string, json: unknown): Promise<T> => request<T>("PUT", path, { json });
export const remove = <T>(path: string): Promise<T> => request<T>("DELETE", path, {});

/** Sends pictures as parts of a form; without any, only the query. */
export function send<T>(path: string, parts: [string, Blob][], query?: Query, signal?: AbortSignal): Promise<T> {
  if (!parts.length) return request<T>("POST", path, { query, signal });
  const form = new FormData();
  for (const [name, picture] of parts) form.append(name, picture, picture instanceof File ? picture.name : "picture");
  return request<T>("POST", path, { form, query, signal });
}

/** Searches by pictures, or, without any, by the `probe` in the query. */
export function search(pictures: Blob[], query: Query, signal?: AbortSignal): Promise<SearchResponse> {
  const parts = pictures.map((picture): [string, Blob] => ["image", picture]);
  return send<SearchResponse>("/search", parts, query, signal);
}

export const chip = (face: number, side = 192): string => address(`/faces/${face}/chip`, { side });
export const image = (photo: number, side: number): string => address(`/photos/${photo}/image`, { side });

/** Calls `onChange` with each state of a job until it ends. Returns a function that stops following. */
export function followJob(job: Job, onChange: (job: Job) => void): () => void {
  const events = new EventSource(address(`/jobs/${job.id}/events`));
  const hasEnded = (state: string): boolean => state === "done" || state === "failed" || state === "cancelled";
  const receive = (event: MessageEvent<string>): void => {
    const latest = JSON.parse(event.data) as Job;
    if (hasEnded(latest.state)) events.close();
    onChange(latest);
  };
  for (const name of ["progress", "done", "message"]) events.addEventListener(name, receive as EventListener);
  events.onerror = () => {
    if (events.readyState !== EventSource.CLOSED) return; // the browser reconnects by itself
    get<Job>(`/jobs/${job.id}`).then(onChange, () => {});
  };
  return () => events.close();
}

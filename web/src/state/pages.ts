// A long list that the server gives in pages, fetched one after another as far as it is looked at.

import { signal } from "@preact/signals";
import { get, type Query } from "../api";
import type { Face } from "../shapes";
import { complain } from "./app";

export interface Answer<T> {
  items: T[];
  next: string | null;
  total: number | null;
}

export class Pages<T> {
  readonly items: T[] = [];
  /** Counts up whenever there is something new to show. */
  readonly version = signal(0);
  total: number | null = null;
  ended = false;
  private next: string | null = null;
  private wanted = 0;
  private busy = false;
  private stopped = false;

  constructor(private readonly fetchPage: (after: string | null) => Promise<Answer<T>>) {
    this.need(1);
  }

  /** How many there are, as far as is known. */
  get length(): number {
    return this.ended ? this.items.length : Math.max(this.total ?? 0, this.items.length);
  }

  need(count: number): void {
    this.wanted = Math.max(this.wanted, count);
    if (!this.busy && !this.stopped) void this.load();
  }

  stop(): void {
    this.stopped = true;
  }

  /** Changes items in place, and leaves out those that become null. */
  change(how: (item: T) => T | null): void {
    const changed = this.items.flatMap((item) => how(item) ?? []);
    if (this.total !== null) this.total -= this.items.length - changed.length;
    this.items.splice(0, this.items.length, ...changed);
    this.version.value += 1;
  }

  private async load(): Promise<void> {
    this.busy = true;
    try {
      while (!this.ended && !this.stopped && this.items.length < this.wanted) {
        const page = await this.fetchPage(this.next);
        if (this.stopped) return;
        for (const item of page.items) this.items.push(item);
        this.total = page.total ?? this.total;
        this.next = page.next;
        this.ended = page.next === null;
        this.version.value += 1;
      }
    } catch (error) {
      this.ended = true;
      this.version.value += 1;
      complain(error);
    } finally {
      this.busy = false;
    }
  }
}

const FIRST = 120; // enough for a screen, and quick
const LATER = 500; // a page of so many is parsed within a frame

/** The pages of a list of the server's, whose items lie under `key`. */
export function pagesOf<T>(path: string, key: string, query: Query, slim: (item: T) => T = (item) => item): Pages<T> {
  return new Pages<T>(async (after) => {
    const limit = after === null ? FIRST : LATER;
    const page = await get<Record<string, unknown>>(path, { ...query, limit, after });
    const items = (page[key] as T[]).map(slim);
    return { items, next: (page["next"] as string | null) ?? null, total: (page["total"] as number | null) ?? null };
  });
}

/** A face without what no list shows: a hundred thousand of them are kept. */
export function slimFace(face: Face): Face {
  const { id, photo, number, box, score, time, taken, person, name } = face;
  return { id, photo, number, box, score, time, taken, person, name, quality: null };
}

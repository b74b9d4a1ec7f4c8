// A long list that the server returns in pages, fetched as far as it is scrolled.

import { signal } from "@preact/signals";
import { get, type Query } from "../api";
import type { Face } from "../types";
import { reportError } from "./app";

export interface Page<T> {
  items: T[];
  next: string | null;
  total: number | null;
}

export class PagedList<T> {
  readonly items: T[] = [];
  /** Counts up whenever items have changed. */
  readonly version = signal(0);
  total: number | null = null;
  complete = false;
  private next: string | null = null;
  private target = 0;
  private busy = false;
  private stopped = false;

  constructor(private readonly fetchPage: (after: string | null) => Promise<Page<T>>) {
    this.loadUntil(1);
  }

  /** The number of items, as far as it is known. */
  get length(): number {
    return this.complete ? this.items.length : Math.max(this.total ?? 0, this.items.length);
  }

  loadUntil(count: number): void {
    this.target = Math.max(this.target, count);
    if (!this.busy && !this.stopped) void this.load();
  }

  stop(): void {
    this.stopped = true;
  }

  private async load(): Promise<void> {
    this.busy = true;
    try {
      while (!this.complete && !this.stopped && this.items.length < this.target) {
        const page = await this.fetchPage(this.next);
        if (this.stopped) return;
        for (const item of page.items) this.items.push(item);
        this.total = page.total ?? this.total;
        this.next = page.next;
        this.complete = page.next === null;
        this.version.value += 1;
      }
    } catch (error) {
      this.complete = true;
      this.version.value += 1;
      reportError(error);
    } finally {
      this.busy = false;
    }
  }
}

const FIRST_PAGE = 120; // enough for a screen, and quick
const NEXT_PAGE = 500; // parsed within a frame

/** A list of the server at `path`, whose items are under `key`. `compact` drops what the view does not show. */
export function pagedList<T>(
  path: string,
  key: string,
  query: Query,
  compact: (item: T) => T = (item) => item,
): PagedList<T> {
  return new PagedList<T>(async (after) => {
    const limit = after === null ? FIRST_PAGE : NEXT_PAGE;
    const page = await get<Record<string, unknown>>(path, { ...query, limit, after });
    const items = (page[key] as T[]).map(compact);
    return { items, next: (page["next"] as string | null) ?? null, total: (page["total"] as number | null) ?? null };
  });
}

/** A face without its landmarks and quality: lists may hold a hundred thousand of them. */
export function compactFace(face: Face): Face {
  return { ...face, landmarks: null, quality: NO_QUALITY };
}

const NO_QUALITY: Face["quality"] = { score: null, sharpness: null, yaw: null, pitch: null, roll: null };

// Work that the server does in the background, followed as it goes on.

import { signal } from "@preact/signals";
import { follow, get, remove } from "../api";
import type { Job } from "../shapes";
import { complain, renewGallery } from "./app";

export const jobs = signal<Job[]>([]);
/** Counts up whenever a job has changed what the gallery holds. */
export const ended = signal(0);

const GOING = new Set(["waiting", "running"]);

export const going = (job: Job): boolean => GOING.has(job.state);

function keep(job: Job): void {
  const others = jobs.value.filter((one) => one.id !== job.id);
  jobs.value = [...others, job].sort((a, b) => Number(a.id) - Number(b.id));
}

export function watch(job: Job): void {
  keep(job);
  if (!going(job)) return finish();
  follow(job, (now) => {
    keep(now);
    if (!going(now)) finish();
  });
}

function finish(): void {
  ended.value += 1;
  void renewGallery();
}

export async function cancel(job: Job): Promise<void> {
  await remove(`/jobs/${job.id}`).catch(complain);
}

export function putAway(job: Job): void {
  jobs.value = jobs.value.filter((one) => one.id !== job.id);
}

/** Follows what was already going on when the page was opened. */
export async function rejoin(): Promise<void> {
  const { jobs: found } = await get<{ jobs: Job[] }>("/jobs").catch(() => ({ jobs: [] as Job[] }));
  for (const job of found) if (going(job)) watch(job);
}

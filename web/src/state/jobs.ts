// Background jobs of the server and their progress.

import { signal } from "@preact/signals";
import { followJob, get, remove } from "../api";
import type { Job } from "../types";
import { refreshGallery, reportError } from "./app";

export const jobs = signal<Job[]>([]);
/** Counts up whenever a job has ended; what shows the gallery reloads. */
export const jobsFinished = signal(0);

export const isActive = (job: Job): boolean => job.state === "waiting" || job.state === "running";

function update(job: Job): void {
  const others = jobs.value.filter((other) => other.id !== job.id);
  jobs.value = [...others, job].sort((a, b) => a.id - b.id);
}

export function watchJob(job: Job): void {
  update(job);
  if (!isActive(job)) return finish();
  followJob(job, (latest) => {
    update(latest);
    if (!isActive(latest)) finish();
  });
}

function finish(): void {
  jobsFinished.value += 1;
  void refreshGallery();
}

export async function cancelJob(job: Job): Promise<void> {
  await remove(`/jobs/${job.id}`).catch(reportError);
}

export function dismissJob(job: Job): void {
  jobs.value = jobs.value.filter((other) => other.id !== job.id);
}

/** Follows the jobs that are already active when the page opens. */
export async function resumeJobs(): Promise<void> {
  const response = await get<{ jobs: Job[] }>("/jobs").catch(() => ({ jobs: [] as Job[] }));
  for (const job of response.jobs) if (isActive(job)) watchJob(job);
}

// Background jobs, at the bottom of the page until they are dismissed.

import { useEffect } from "preact/hooks";
import { post } from "../api";
import { canWrite, problemMessage, reportError } from "../state/app";
import { cancelJob, dismissJob, isActive, jobs, resumeJobs, watchJob } from "../state/jobs";
import type { Job } from "../types";
import { joinList, lookup, t } from "../words";
import { Icon } from "./Icon";

export function Jobs() {
  useEffect(() => void resumeJobs(), []);
  return (
    <div class="jobs" role="region" aria-label={t("jobs")} aria-live="polite" hidden={!jobs.value.length}>
      {jobs.value.map((job) => (
        <JobLine key={job.id} job={job} />
      ))}
    </div>
  );
}

/** New faces are unassigned until they are grouped. */
function groupFaces(job: Job): void {
  dismissJob(job);
  post<Job>("/clusters").then(watchJob, reportError);
}

function JobLine({ job }: { job: Job }) {
  const kind = lookup(`job.${job.kind}`) ?? t("job.other");
  const active = isActive(job);
  const total = job.total || undefined;
  const hasNewFaces = job.kind === "index" && job.state === "done" && Boolean(job.result?.["faces"]);
  return (
    <div class="job" data-state={job.state}>
      <div class="job-words">
        <strong>{kind}</strong>
        <span class="clip">{status(job)}</span>
        {hasNewFaces && canWrite.value && (
          <button type="button" class="link" onClick={() => groupFaces(job)}>
            {t("people.group")}
          </button>
        )}
        <button
          type="button"
          class="quiet round"
          aria-label={t(active ? "stop" : "close")}
          title={t(active ? "stop" : "close")}
          onClick={() => (active ? void cancelJob(job) : dismissJob(job))}
        >
          <Icon name="close" size={16} />
        </button>
      </div>
      {active && <progress aria-label={kind} max={total} value={total && job.done} />}
    </div>
  );
}

function outcome(kind: string, result: Record<string, unknown>): string {
  if (kind !== "index") return t("job.done");
  const number = (name: string): number => (typeof result[name] === "number" ? result[name] : 0);
  const parts = [t("count.photos", { n: number("photos") }), t("count.faces", { n: number("faces") })];
  if (number("unreadable")) parts.push(t("job.unreadable", { n: number("unreadable") }));
  return joinList(parts);
}

function status(job: Job): string {
  if (job.state === "failed") return problemMessage(job.code ?? "", job.values, job.problem ?? "") ?? t("job.failed");
  if (job.state === "waiting" || job.state === "cancelled") return t(`job.${job.state}`);
  if (job.state === "done") return outcome(job.kind, job.result ?? {});
  return job.total ? t("job.part", { done: job.done, total: job.total }) : t("job.running");
}

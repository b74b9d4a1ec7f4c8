// Background work, at the foot of the page until it is put away.

import { useEffect } from "preact/hooks";
import { post } from "../api";
import { complain, mayWrite } from "../state/app";
import { cancel, going, jobs, putAway, rejoin, watch } from "../state/jobs";
import type { Job } from "../shapes";
import { said, type Key } from "../words";
import { Icon } from "./Icon";

const KINDS = new Set(["index", "cluster", "map", "reindex"]);

export function Jobs() {
  useEffect(() => void rejoin(), []);
  return (
    <div class="jobs" role="region" aria-label={said("jobs")} aria-live="polite" hidden={!jobs.value.length}>
      {jobs.value.map((job) => (
        <Line key={job.id} job={job} />
      ))}
    </div>
  );
}

/** New faces are nobody's until they are grouped. */
function group(job: Job): void {
  putAway(job);
  post<Job>("/clusters").then(watch, complain);
}

function Line({ job }: { job: Job }) {
  const kind = said(`job.${KINDS.has(job.kind) ? job.kind : "other"}` as Key);
  const known = job.total !== null && job.total > 0;
  return (
    <div class="job" data-state={job.state}>
      <div class="job-words">
        <strong>{kind}</strong>
        <span class="clip">{words(job)}</span>
        {job.kind === "index" && job.state === "done" && Boolean(job.result?.["faces"]) && mayWrite.value && (
          <button type="button" class="link" onClick={() => group(job)}>
            {said("people.group")}
          </button>
        )}
        <button
          type="button"
          class="quiet round"
          aria-label={going(job) ? said("stop") : said("close")}
          title={going(job) ? said("stop") : said("close")}
          onClick={() => (going(job) ? void cancel(job) : putAway(job))}
        >
          <Icon name="close" size={16} />
        </button>
      </div>
      {going(job) && <progress aria-label={kind} max={known ? job.total! : undefined} value={known ? job.done : undefined} />}
    </div>
  );
}

/** What came of it, in numbers. */
function outcome(kind: string, result: Record<string, unknown>): string {
  const number = (name: string): number => (typeof result[name] === "number" ? (result[name] as number) : 0);
  if (kind !== "index") return said("job.done");
  const told = [said("count.photos", { n: number("photos") }), said("count.faces", { n: number("faces") })];
  if (number("unreadable")) told.push(said("job.unreadable", { n: number("unreadable") }));
  return told.join(", ");
}

function words(job: Job): string {
  if (job.state === "failed") return job.problem ?? said("job.failed");
  if (job.state === "waiting" || job.state === "cancelled") return said(`job.${job.state}`);
  if (job.state === "done") return outcome(job.kind, job.result ?? {});
  if (job.total) return said("job.part", { done: job.done, total: job.total });
  return job.message || said("job.running");
}

import { post } from "../api";
import { reportError } from "../state/app";
import { watchJob } from "../state/jobs";
import type { Job } from "../types";
import { t } from "../words";
import { Icon } from "./Icon";

/** Starts the job that groups faces by person. */
export function GroupButton() {
  const group = (): void => {
    post<Job>("/clusters").then(watchJob, reportError);
  };
  return (
    <button type="button" onClick={group} title={t("people.group.note")}>
      <Icon name="people" />
      {t("people.group")}
    </button>
  );
}

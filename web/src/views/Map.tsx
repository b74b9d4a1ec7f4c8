// The face map: similar faces are close together.

import { useEffect, useMemo, useState } from "preact/hooks";
import { get, post, Problem } from "../api";
import { Icon } from "../components/Icon";
import { hue } from "../format";
import { canWrite, errorMessage, reportError } from "../state/app";
import { jobsFinished, watchJob } from "../state/jobs";
import { displayName } from "../state/people";
import { openPhoto } from "../state/route";
import type { Face, FaceMap, Job, Person } from "../types";
import { t } from "../words";
import { Plot } from "./map/Plot";

const LEGEND_SIZE = 24; // people in the list beside the map

function buildMap(): void {
  post<Job>("/jobs/map").then(watchJob, reportError);
}

export function MapView() {
  const [map, setMap] = useState<FaceMap | "none" | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const controller = new AbortController();
    get<FaceMap>("/map", {}, controller.signal).then(setMap, (error: unknown) => {
      if (controller.signal.aborted) return;
      if (error instanceof Problem && error.status === 404) setMap("none");
      else setProblem(errorMessage(error));
    });
    return () => controller.abort();
  }, [jobsFinished.value]);
  const built = map === "none" ? null : map;
  return (
    <>
      <header class="view-head">
        <div class="title-row">
          <h1>{t("map.title")}</h1>
          {built && canWrite.value && (
            <button type="button" onClick={buildMap}>
              <Icon name="map" />
              {t("map.rebuild")}
            </button>
          )}
        </div>
        {built && (
          <p class="note">
            {t("map.note", { n: built.points.face.length, method: built.method })} {built.stale && t("map.stale")}
          </p>
        )}
      </header>
      {problem ? (
        <div class="empty" role="alert">
          <p>{problem}</p>
        </div>
      ) : built ? (
        <MapWithLegend map={built} />
      ) : map === "none" ? (
        <div class="empty">
          <Icon name="map" size={40} />
          <p>{t("map.none")}</p>
          {canWrite.value && (
            <button type="button" class="main" onClick={buildMap}>
              {t("map.build")}
            </button>
          )}
        </div>
      ) : null}
    </>
  );
}

const openFace = (id: number): void => {
  get<Face>(`/faces/${id}`).then((face) => openPhoto(face.photo, face.id), reportError);
};

function MapWithLegend({ map }: { map: FaceMap }) {
  const [people, setPeople] = useState<Person[]>([]);
  const [highlighted, setHighlighted] = useState<number | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    get<{ people: Person[] }>("/people", { limit: 1000 }, controller.signal).then(
      (response) => setPeople(response.people),
      () => {},
    );
    return () => controller.abort();
  }, []);
  const names = useMemo(() => new Map(people.map((person) => [person.id, person.name])), [people]);
  const legend = useMemo(() => {
    const onMap = new Set(map.points.person);
    const present = people.filter((person) => onMap.has(person.id));
    return [...present.filter(({ name }) => name), ...present.filter(({ name }) => !name)].slice(0, LEGEND_SIZE);
  }, [people, map]);
  const toggle = (person: Person): void => setHighlighted(highlighted === person.id ? null : person.id);
  return (
    <div class="map">
      <Plot points={map.points} names={names} highlighted={highlighted} open={openFace} />
      <section class="legend" aria-label={t("map.people")}>
        <h2 class="small-head">{t("map.people")}</h2>
        <ul role="list">
          {legend.map((person) => (
            <li key={person.id}>
              <button
                type="button"
                class="quiet"
                aria-pressed={highlighted === person.id}
                onClick={() => toggle(person)}
              >
                <span class="dot" style={{ "--hue": String(hue(person.id)) }} aria-hidden="true" />
                <span class="clip">{displayName(person)}</span>
                <small>{person.faces}</small>
              </button>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

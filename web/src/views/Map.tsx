// All faces at once: those that are alike lie close together.

import { useEffect, useMemo, useState } from "preact/hooks";
import { get, post, Problem } from "../api";
import { hue } from "../format";
import { Icon } from "../parts/Icon";
import { complain, mayWrite, sentence } from "../state/app";
import { ended, watch } from "../state/jobs";
import { openPhoto } from "../state/route";
import type { Face, FaceMap, Job, Person } from "../shapes";
import { said } from "../words";
import { Plot } from "./map/Plot";

const NAMED = 24; // people in the list beside the map

export function MapView() {
  const [map, setMap] = useState<FaceMap | "none" | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    get<FaceMap>("/map", {}, stop.signal).then(setMap, (error: unknown) => {
      if (stop.signal.aborted) return;
      if (error instanceof Problem && error.status === 404) setMap("none");
      else setProblem(sentence(error));
    });
    return () => stop.abort();
  }, [ended.value]);
  const make = (): void => {
    post<Job>("/jobs/map").then(watch, complain);
  };
  return (
    <>
      <header class="view-head">
        <div class="title-row">
          <h1>{said("map.title")}</h1>
          {map && map !== "none" && mayWrite.value && (
            <button type="button" onClick={make}>
              <Icon name="map" />
              {said("map.again")}
            </button>
          )}
        </div>
        {map && map !== "none" && (
          <p class="note">
            {said("map.note", { n: map.points.face.length, method: map.method })} {map.stale && said("map.stale")}
          </p>
        )}
      </header>
      {problem ? (
        <div class="empty" role="alert"><p>{problem}</p></div>
      ) : map === "none" ? (
        <div class="empty">
          <Icon name="map" size={40} />
          <p>{said("map.none")}</p>
          {mayWrite.value && <button type="button" class="main" onClick={make}>{said("map.make")}</button>}
        </div>
      ) : map ? (
        <Drawn map={map} />
      ) : null}
    </>
  );
}

const open = (face: number): void => {
  get<Face>(`/faces/${face}`).then((found) => openPhoto(found.photo, found.id), complain);
};

function Drawn({ map }: { map: FaceMap }) {
  const [people, setPeople] = useState<Person[]>([]);
  const [shown, setShown] = useState<number | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    get<{ people: Person[] }>("/people", { limit: 1000 }, stop.signal).then((found) => setPeople(found.people), () => {});
    return () => stop.abort();
  }, []);
  const names = useMemo(() => new Map(people.map((person) => [person.id, person.name])), [people]);
  const listed = useMemo(() => {
    const here = new Set(map.points.person);
    const present = people.filter((person) => here.has(person.id));
    return [...present.filter((one) => one.name), ...present.filter((one) => !one.name)].slice(0, NAMED);
  }, [people, map]);
  return (
    <div class="map">
      <Plot points={map.points} names={names} shown={shown} open={open} />
      <section class="legend" aria-label={said("map.people")}>
        <h2 class="small-head">{said("map.people")}</h2>
        <ul role="list">
          {listed.map((person) => (
            <li key={person.id}>
              <button type="button" class="quiet" aria-pressed={shown === person.id} onClick={() => setShown(shown === person.id ? null : person.id)}>
                <Dot person={person.id} />
                <span class="clip">{person.name || `#${person.id}`}</span>
                <small>{person.faces}</small>
              </button>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

function Dot({ person }: { person: number }) {
  return <span class="dot" style={{ "--hue": String(hue(person)) }} aria-hidden="true" />;
}

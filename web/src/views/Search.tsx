// Search: the start page, then the probe beside its hits.

import { useEffect, useState } from "preact/hooks";
import { get } from "../api";
import { Chip } from "../components/Chip";
import { Icon } from "../components/Icon";
import { CameraButton, ChooseButton, DropAnywhere } from "../components/PictureInput";
import { gallery } from "../state/app";
import { displayName } from "../state/people";
import { navigate, route } from "../state/route";
import { busy, clearSearch, probe, problem, searchFor, type Probe } from "../state/search";
import type { Person } from "../types";
import { t } from "../words";
import { Hits } from "./search/Hits";
import { ProbePanel } from "./search/ProbePanel";

export function SearchView() {
  const name = probeInAddress(route.value.query);
  useEffect(() => {
    const current = probe.peek();
    const currentName = current && "name" in current ? current.name : null;
    if (name && name !== currentName) searchFor({ name });
    if (!name && currentName) clearSearch();
  }, [name]);
  const take = (pictures: File[]): void => {
    if (name) navigate("#/search");
    searchFor({ pictures });
  };
  return (
    <>
      <DropAnywhere take={take} hint={t("search.drop")} />
      {probe.value ? <Results probe={probe.value} take={take} /> : name ? null : <StartPage take={take} />}
    </>
  );
}

/** The face or person that the address names, as the server expects it. */
function probeInAddress(query: URLSearchParams): string | null {
  const person = query.get("person");
  const name = query.get("probe");
  if (name && /^(face:\d+|#\d+)$/.test(name)) return name;
  return person && /^\d+$/.test(person) ? `#${person}` : null;
}

function StartPage({ take }: { take: (pictures: File[]) => void }) {
  return (
    <div class="start-page">
      <h1>{t("search.heading")}</h1>
      <div class="drop">
        <div class="rings" aria-hidden="true">
          <span />
          <span />
        </div>
        <p>{t("search.invite")}</p>
        <div class="actions">
          <ChooseButton take={take} label={t("search.choose")} main />
          <CameraButton take={take} label={t("search.camera")} />
        </div>
        <p class="note">{t("search.privacy")}</p>
      </div>
      <SuggestedPeople />
    </div>
  );
}

function SuggestedPeople() {
  const [people, setPeople] = useState<Person[]>([]);
  useEffect(() => {
    const controller = new AbortController();
    get<{ people: Person[] }>("/people", { limit: 10 }, controller.signal).then(
      (response) => setPeople(response.people),
      () => {},
    );
    return () => controller.abort();
  }, []);
  if (gallery.value?.faces === 0) {
    return (
      <p class="note">
        {t("search.empty")} <a href="#/photos">{t("search.add")}</a>
      </p>
    );
  }
  const shown = people.filter((person) => person.cover !== null);
  if (!shown.length) return null;
  return (
    <section class="suggested-people" aria-label={t("search.people")}>
      <h2 class="small-head">{t("search.people")}</h2>
      <ul role="list">
        {shown.map((person) => (
          <li key={person.id}>
            <a href={`#/search?person=${person.id}`} title={displayName(person)}>
              <Chip face={person.cover} alt={displayName(person)} />
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Results({ probe, take }: { probe: Probe; take: (pictures: File[]) => void }) {
  return (
    <div class="search-layout">
      <h1 class="visually-hidden">{t("search.title")}</h1>
      <aside aria-label={t("search.probe")}>
        <ProbePanel probe={probe} take={take} />
      </aside>
      <section class="results" aria-busy={busy.value} aria-label={t("search.hits")}>
        {problem.value ? (
          <div class="empty" role="alert">
            <Icon name="face" size={40} />
            <p>{problem.value}</p>
            <p class="note">{t("search.hint")}</p>
          </div>
        ) : (
          <Hits />
        )}
      </section>
    </div>
  );
}

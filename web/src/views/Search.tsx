// Whose face is like this one?

import { useEffect, useState } from "preact/hooks";
import { get } from "../api";
import { ChooseButton, CameraButton, DropAnywhere } from "../parts/Pictures";
import { Chip } from "../parts/Chip";
import { Icon } from "../parts/Icon";
import { ask, busy, forget, problem, subject, type Subject } from "../state/asking";
import { gallery } from "../state/app";
import { go, route } from "../state/route";
import type { Person } from "../shapes";
import { said } from "../words";
import { Asked } from "./search/Asked";
import { Hits } from "./search/Hits";

export function SearchView() {
  const wanted = probeOf(route.value.query);
  useEffect(() => {
    const now = subject.peek();
    if (wanted && !(now && "probe" in now && now.probe === wanted)) ask({ probe: wanted });
    if (!wanted && now && "probe" in now) forget();
  }, [wanted]);
  const take = (pictures: File[]): void => {
    if (wanted) go("#/search");
    ask({ pictures });
  };
  return (
    <>
      <DropAnywhere take={take} hint={said("search.drop")} />
      {subject.value ? <Going about={subject.value} take={take} /> : wanted ? null : <Beginning take={take} />}
    </>
  );
}

/** What the address asks about. */
function probeOf(query: URLSearchParams): string | null {
  const person = query.get("person");
  const probe = query.get("probe");
  if (probe && /^(face:\d+|#\d+)$/.test(probe)) return probe;
  return person && /^\d+$/.test(person) ? `#${person}` : null;
}

function Beginning({ take }: { take: (pictures: File[]) => void }) {
  return (
    <div class="beginning">
      <h1>{said("search.question")}</h1>
      <div class="drop">
        <div class="rings" aria-hidden="true">
          <span />
          <span />
        </div>
        <p>{said("search.invite")}</p>
        <div class="actions">
          <ChooseButton take={take} label={said("search.choose")} main />
          <CameraButton take={take} label={said("search.camera")} />
        </div>
        <p class="note">{said("search.stays")}</p>
      </div>
      <Somebody />
    </div>
  );
}

/** People of the gallery to begin with. */
function Somebody() {
  const [people, setPeople] = useState<Person[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    get<{ people: Person[] }>("/people", { limit: 10 }, stop.signal).then((answer) => setPeople(answer.people), () => {});
    return () => stop.abort();
  }, []);
  if (gallery.value?.faces === 0) {
    return (
      <p class="note">
        {said("search.nothing")} <a href="#/photos">{said("search.add")}</a>
      </p>
    );
  }
  if (!people.length) return null;
  return (
    <section class="somebody" aria-label={said("search.somebody")}>
      <h2 class="small-head">{said("search.somebody")}</h2>
      <ul role="list">
        {people.filter((person) => person.cover !== null).map((person) => (
          <li key={person.id}>
            <a href={`#/search?person=${person.id}`} title={person.name || `#${person.id}`}>
              <Chip face={person.cover} alt={person.name || `#${person.id}`} />
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Going({ about, take }: { about: NonNullable<Subject>; take: (pictures: File[]) => void }) {
  return (
    <div class="asking">
      <h1 class="unseen">{said("search.title")}</h1>
      <aside aria-label={said("search.asked")}>
        <Asked about={about} take={take} />
      </aside>
      <section class="answers" aria-busy={busy.value} aria-label={said("search.hits")}>
        {problem.value ? (
          <div class="empty" role="alert">
            <Icon name="face" size={40} />
            <p>{problem.value}</p>
            <p class="note">{said("search.tryother")}</p>
          </div>
        ) : (
          <Hits />
        )}
      </section>
    </div>
  );
}

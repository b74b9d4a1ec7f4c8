// The left of a search: who is asked about, and what narrows the answers.

import { useEffect, useMemo } from "preact/hooks";
import { get } from "../../api";
import { distance } from "../../format";
import { Boxed } from "../../parts/Boxed";
import { Chip } from "../../parts/Chip";
import { Icon } from "../../parts/Icon";
import { PersonField } from "../../parts/PersonField";
import { CameraButton, ChooseButton } from "../../parts/Pictures";
import { again, andThis, answers, away, chosen, forget, limit, lookalikes, nearest, only, type Subject } from "../../state/asking";
import { complain } from "../../state/app";
import { go, openPhoto, route } from "../../state/route";
import type { Box, Face, Person } from "../../shapes";
import { usePromise } from "../../parts/usePromise";
import { said } from "../../words";

export function Asked({ about, take }: { about: NonNullable<Subject>; take: (pictures: File[]) => void }) {
  return (
    <>
      {"pictures" in about ? <Sent pictures={about.pictures} /> : <Known probe={about.probe} />}
      <div class="actions">
        <ChooseButton take={take} label={said("search.other")} />
        <CameraButton take={take} label={said("search.camera")} />
        <button type="button" class="quiet" onClick={anew}>
          {said("search.clear")}
        </button>
      </div>
      <Narrowing />
    </>
  );
}

function anew(): void {
  forget();
  if (route.value.query.size) go("#/search");
}

function useAddresses(pictures: File[]): string[] {
  const addresses = useMemo(() => pictures.map((picture) => URL.createObjectURL(picture)), [pictures]);
  useEffect(() => () => addresses.forEach((one) => URL.revokeObjectURL(one)), [addresses]);
  return addresses;
}

/** Pictures that were given: one with its faces outlined, or several of one person. */
function Sent({ pictures }: { pictures: File[] }) {
  const addresses = useAddresses(pictures);
  if (pictures.length > 1) {
    return (
      <figure class="several">
        <div>{addresses.map((one, n) => <img key={one} src={one} alt={pictures[n]!.name} />)}</div>
        <figcaption class="note">{said("search.several", { n: pictures.length })}</figcaption>
      </figure>
    );
  }
  const found = answers.value?.answers ?? [];
  const outlines = found.flatMap(({ probe }, n) =>
    probe.box ? [{ key: n, box: probe.box as Box, label: said("search.face", { n: n + 1 }), chosen: n === chosen.value }] : [],
  );
  return (
    <figure class="sent">
      <Boxed
        source={addresses[0]!}
        alt={pictures[0]!.name}
        size={found[0]?.probe.size ?? null}
        outlines={outlines}
        choose={outlines.length > 1 ? (key) => (chosen.value = key) : undefined}
        instead={said("search.undrawable")}
      />
      {outlines.length > 1 && <figcaption class="note">{said("search.pick", { n: outlines.length })}</figcaption>}
    </figure>
  );
}

/** Somebody of the gallery: a face with its photograph, or a person. */
function Known({ probe }: { probe: string }) {
  const number = Number(probe.replace(/\D/g, ""));
  const open = (): void => {
    get<Face>(`/faces/${number}`).then((face) => openPhoto(face.photo, face.id), complain);
  };
  if (probe.startsWith("face:")) {
    return (
      <figure class="known">
        <button type="button" class="bare" onClick={open} aria-label={said("hit.open")}>
          <Chip face={number} side={256} />
        </button>
        <figcaption class="note">{said("search.known", { n: number })}</figcaption>
      </figure>
    );
  }
  return <KnownPerson id={number} />;
}

function KnownPerson({ id }: { id: number }) {
  const person = useMemo(() => get<Person>(`/people/${id}`), [id]);
  const shown = usePromise(person);
  return (
    <figure class="known">
      <a href={`#/people/${id}`} aria-label={shown?.name || `#${id}`}>
        <Chip face={shown?.cover ?? null} side={256} />
      </a>
      <figcaption>
        <strong>{shown?.name || `#${id}`}</strong>
        {shown && <small class="note">{said("count.faces", { n: shown.faces })}</small>}
      </figcaption>
    </figure>
  );
}

function Narrowing() {
  const found = answers.value;
  const toggle = (): void => {
    lookalikes.value = !lookalikes.value;
    limit.value = null;
    void again();
  };
  return (
    <div class="narrowing">
      {found && <Slider />}
      <details open={matchMedia("(min-width: 761px)").matches || lookalikes.value || only.value.length > 0 || away.value.length > 0}>
        <summary>{said("search.narrow")}</summary>
        <div class="narrower">
      <label class="switch">
        <input type="checkbox" role="switch" checked={lookalikes.value} onChange={toggle} />
        <span>
          {said("search.lookalikes")}
          <small>{said("search.lookalikes.note")}</small>
        </span>
      </label>
      <div class="field">
        <span class="label">{said("search.only")}</span>
        <People />
      </div>
      {away.value.length > 0 && (
        <div class="field">
          <span class="label">{said("search.away")}</span>
          <ul class="tokens" role="list">
            {away.value.map((face) => (
              <li key={face.id}>
                <button type="button" class="token" onClick={() => andThis(face)} aria-label={said("search.back", { name: face.name || face.id })}>
                  <Chip face={face.id} side={96} />
                  <Icon name="close" size={14} />
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
        </div>
      </details>
    </div>
  );
}

const FARTHEST = 1.4; // a Euclidean distance between unit vectors of strangers is seldom more; cosine's less

function Slider() {
  const { info: basis, answers: all } = answers.value!;
  const farthest = all.flatMap(({ hits }) => hits.at(-1)?.distance ?? []);
  const end = Math.ceil(Math.max(FARTHEST, ...farthest) * 100) / 100;
  const value = nearest.value ?? end;
  return (
    <div class="field slider">
      <label for="limit">
        <span class="label">{said("search.limit")}</span>
        <output for="limit">{nearest.value === null ? said("search.all") : distance(value)}</output>
      </label>
      <input
        id="limit"
        type="range"
        min={0}
        max={end}
        step={0.005}
        value={value}
        aria-valuetext={distance(value)}
        onInput={(event) => (limit.value = event.currentTarget.valueAsNumber)}
      />
      <p class="note">
        {basis.threshold === null ? said("search.nothreshold") : said("search.threshold", { at: distance(basis.threshold) })}{" "}
        {limit.value !== null && basis.threshold !== null && (
          <button type="button" class="link" onClick={() => (limit.value = null)}>
            {said("search.reset")}
          </button>
        )}
      </p>
    </div>
  );
}

function People() {
  const put = (people: Person[]): void => {
    only.value = people;
    void again();
  };
  return (
    <>
      <PeopleTokens people={only.value} put={put} />
      <PersonField
        label={said("search.only.add")}
        without={only.value.map((person) => person.id)}
        pick={(person) => put([...only.value, person])}
      />
    </>
  );
}

export function PeopleTokens({ people, put }: { people: Person[]; put: (people: Person[]) => void }) {
  if (!people.length) return null;
  return (
    <ul class="tokens" role="list">
      {people.map((person) => (
        <li key={person.id}>
          <button type="button" class="token" onClick={() => put(people.filter((one) => one !== person))} aria-label={said("token.remove", { name: person.name || `#${person.id}` })}>
            <Chip face={person.cover} side={96} />
            <span class="clip">{person.name || `#${person.id}`}</span>
            <Icon name="close" size={14} />
          </button>
        </li>
      ))}
    </ul>
  );
}

// Who is in the gallery: groups of faces, the largest first, to be named, merged and put right.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { get, post } from "../api";
import { Icon } from "../parts/Icon";
import { VirtualGrid, type Handle } from "../parts/VirtualGrid";
import { complain, gallery, mayWrite } from "../state/app";
import { called, corrected, hide, merge } from "../state/correcting";
import { ended, watch } from "../state/jobs";
import { pagesOf } from "../state/pages";
import { route, withQuery } from "../state/route";
import type { Job, Person } from "../shapes";
import { said, type Key } from "../words";
import { PersonTile } from "./people/PersonTile";

const KINDS = ["all", "named", "unnamed", "hidden"] as const;
type Kind = (typeof KINDS)[number];

/** The people that the address asks for, anew whenever somebody changed. */
function usePeople(kind: Kind, text: string) {
  const fresh = `${corrected.value} ${ended.value}`;
  const pages = useMemo(() => {
    const named = kind === "named" ? "true" : kind === "unnamed" ? "false" : null;
    return pagesOf<Person>("/people", "people", { named, only_hidden: kind === "hidden", q: text });
  }, [kind, text, fresh]);
  useEffect(() => () => pages.stop(), [pages]);
  // what is shown stays until what replaces it has come
  const [shown, setShown] = useState(pages);
  useEffect(() => pages.version.subscribe((version) => version > 0 && setShown(pages)), [pages]);
  void shown.version.value;
  return shown;
}

export function PeopleView() {
  const kind = KINDS.find((one) => one === route.value.query.get("kind")) ?? "all";
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<Person[]>([]);
  const pages = usePeople(kind, text.trim());
  useEffect(() => setChosen([]), [kind, corrected.value]);
  const at = useCallback((item: number) => pages.items[item], [pages, pages.version.value]);
  const need = useCallback((count: number) => pages.need(count), [pages]);
  const pick = useCallback(
    (person: Person): void =>
      setChosen((before) => (before.some((one) => one.id === person.id) ? before.filter((one) => one.id !== person.id) : [...before, person])),
    [],
  );
  const tile = useCallback(
    (person: Person, _: number, handle: Handle) => (
      <PersonTile person={person} handle={handle} chosen={chosen.some((one) => one.id === person.id)} pick={pick} choosing={chosen.length > 0} />
    ),
    [chosen, pick],
  );
  const loaded = pages.version.value > 0;
  return (
    <>
      <Head kind={kind} text={text} setText={setText} />
      {loaded && !pages.length ? (
        <Empty kind={kind} text={text} />
      ) : (
        <VirtualGrid
          label={said("people.title")}
          length={pages.length}
          at={at}
          need={need}
          least={132}
          below={62}
          keyOf={(person) => person.id}
          tile={tile}
        />
      )}
      {chosen.length > 0 && <Chosen people={chosen} clear={() => setChosen([])} />}
    </>
  );
}

function Head({ kind, text, setText }: { kind: Kind; text: string; setText: (text: string) => void }) {
  const held = gallery.value;
  return (
    <header class="view-head">
      <div class="title-row">
        <h1>{said("people.title")}</h1>
        {mayWrite.value && <GroupButton />}
      </div>
      {held && held.reviews > 0 && (
        <a class="banner" href="#/people/review">
          <span>{said("people.review.note", { n: held.reviews })}</span>
          <span class="banner-go">{said("people.review")}</span>
        </a>
      )}
      <div class="bar">
        <nav class="segments" aria-label={said("people.kinds")}>
          {KINDS.map((one) => (
            <a key={one} href={withQuery({ kind: one === "all" ? null : one })} aria-current={one === kind ? "true" : undefined}>
              {said(`people.${one}` as Key)}
            </a>
          ))}
        </nav>
        <input type="search" class="find" aria-label={said("people.find")} placeholder={said("people.find")} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </div>
    </header>
  );
}

export function GroupButton() {
  const group = (): void => {
    post<Job>("/clusters").then(watch, complain);
  };
  return (
    <button type="button" onClick={group} title={said("people.group.note")}>
      <Icon name="people" />
      {said("people.group")}
    </button>
  );
}

function Empty({ kind, text }: { kind: Kind; text: string }) {
  const words = text ? said("people.nofind", { text }) : said(kind === "all" ? "people.none" : (`people.none.${kind}` as Key));
  return (
    <div class="empty">
      <Icon name="people" size={40} />
      <p>{words}</p>
      {kind === "all" && !text && gallery.value?.faces === 0 && <a href="#/photos">{said("search.add")}</a>}
    </div>
  );
}

/** What can be done with the people that were chosen. */
function Chosen({ people, clear }: { people: Person[]; clear: () => void }) {
  const into = [...people].sort((a, b) => Number(Boolean(b.name)) - Number(Boolean(a.name)) || b.faces - a.faces)[0]!;
  const others = people.filter((one) => one !== into).map((one) => one.id);
  return (
    <div class="chosen" role="region" aria-label={said("chosen", { n: people.length })}>
      <strong>{said("chosen", { n: people.length })}</strong>
      <button type="button" class="main" disabled={!others.length} onClick={() => void merge(into, others)}>
        {others.length ? said("people.merge.into", { name: called(into) }) : said("people.merge")}
      </button>
      <button type="button" onClick={() => void Promise.all(people.map((one) => hide(one, !one.hidden)))}>
        {said(people.every((one) => one.hidden) ? "people.show" : "people.hide")}
      </button>
      <button type="button" class="quiet" onClick={clear}>
        {said("clear")}
      </button>
    </div>
  );
}

/** Merges one person into another, by number: what a drag carries. */
export async function mergeByNumber(into: Person, other: number): Promise<void> {
  if (into.id === other) return;
  const dragged = await get<Person>(`/people/${other}`).catch(complain);
  if (!dragged) return;
  if (dragged.name && !into.name) await merge(dragged, [into.id]);
  else await merge(into, [other]);
}

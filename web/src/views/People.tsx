// The people of the gallery, those with most faces first.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { GroupButton } from "../components/GroupButton";
import { Icon } from "../components/Icon";
import { VirtualGrid, type Handle } from "../components/VirtualGrid";
import { canWrite, gallery } from "../state/app";
import { jobsFinished } from "../state/jobs";
import { pagedList, type PagedList } from "../state/pagedList";
import { displayName, hide, merge, peopleVersion } from "../state/people";
import { route, withQuery } from "../state/route";
import type { Person } from "../types";
import { t } from "../words";
import { PersonTile } from "./people/PersonTile";

const KINDS = ["all", "named", "unnamed", "hidden"] as const;
type Kind = (typeof KINDS)[number];

/** The people of this kind whose name contains `text`; reloaded when people change. */
function usePeople(kind: Kind, text: string): PagedList<Person> {
  const list = useMemo(() => {
    const named = kind === "named" ? "true" : kind === "unnamed" ? "false" : null;
    return pagedList<Person>("/people", "people", { named, only_hidden: kind === "hidden", q: text });
  }, [kind, text, peopleVersion.value, jobsFinished.value]);
  useEffect(() => () => list.stop(), [list]);
  // the old list stays in view until the new one has loaded
  const [shown, setShown] = useState(list);
  useEffect(() => list.version.subscribe((version) => version > 0 && setShown(list)), [list]);
  void shown.version.value;
  return shown;
}

export function PeopleView() {
  const kind = KINDS.find((name) => name === route.value.query.get("kind")) ?? "all";
  const [text, setText] = useState("");
  const [selected, setSelected] = useState<Person[]>([]);
  const list = usePeople(kind, text.trim());
  useEffect(() => setSelected([]), [kind, peopleVersion.value]);
  const at = useCallback((item: number) => list.items[item], [list, list.version.value]);
  const loadUntil = useCallback((count: number) => list.loadUntil(count), [list]);
  const toggle = useCallback((person: Person): void => {
    setSelected((before) => {
      const others = before.filter((other) => other.id !== person.id);
      return others.length < before.length ? others : [...before, person];
    });
  }, []);
  const renderTile = useCallback(
    (person: Person, _: number, handle: Handle) => (
      <PersonTile
        person={person}
        handle={handle}
        selected={selected.some((other) => other.id === person.id)}
        selecting={selected.length > 0}
        toggle={toggle}
      />
    ),
    [selected, toggle],
  );
  return (
    <>
      <Head kind={kind} text={text} setText={setText} />
      {list.version.value > 0 && !list.length ? (
        <Empty kind={kind} text={text} />
      ) : (
        <VirtualGrid
          label={t("people.title")}
          length={list.length}
          at={at}
          loadUntil={loadUntil}
          minWidth={132}
          below={62}
          keyOf={(person) => person.id}
          renderTile={renderTile}
        />
      )}
      {selected.length > 0 && <SelectionBar people={selected} clear={() => setSelected([])} />}
    </>
  );
}

interface HeadProps {
  kind: Kind;
  text: string;
  setText: (text: string) => void;
}

function Head({ kind, text, setText }: HeadProps) {
  const reviews = gallery.value?.reviews ?? 0;
  return (
    <header class="view-head">
      <div class="title-row">
        <h1>{t("people.title")}</h1>
        {canWrite.value && <GroupButton />}
      </div>
      {reviews > 0 && (
        <a class="banner" href="#/people/review">
          <span>{t("people.review.note", { n: reviews })}</span>
          <span class="banner-go">{t("people.review")}</span>
        </a>
      )}
      <div class="bar">
        <nav class="segments" aria-label={t("people.kinds")}>
          {KINDS.map((name) => (
            <a
              key={name}
              href={withQuery({ kind: name === "all" ? null : name })}
              aria-current={name === kind ? "true" : undefined}
            >
              {t(`people.${name}`)}
            </a>
          ))}
        </nav>
        <input
          type="search"
          class="find"
          aria-label={t("people.find")}
          placeholder={t("people.find")}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </div>
    </header>
  );
}

function Empty({ kind, text }: { kind: Kind; text: string }) {
  const message = text ? t("people.nofind", { text }) : t(kind === "all" ? "people.none" : `people.none.${kind}`);
  return (
    <div class="empty">
      <Icon name="people" size={40} />
      <p>{message}</p>
      {kind === "all" && !text && gallery.value?.faces === 0 && <a href="#/photos">{t("search.add")}</a>}
    </div>
  );
}

/** The selected people are merged into one with a name if there is one, else into the one with most faces. */
function mergeTarget(people: Person[]): Person {
  return [...people].sort((a, b) => Number(Boolean(b.name)) - Number(Boolean(a.name)) || b.faces - a.faces)[0]!;
}

function SelectionBar({ people, clear }: { people: Person[]; clear: () => void }) {
  const target = mergeTarget(people);
  const others = people.filter((person) => person !== target).map((person) => person.id);
  const allHidden = people.every((person) => person.hidden);
  const toggleHidden = (): void => void Promise.all(people.map((person) => hide(person, !person.hidden)));
  return (
    <div class="selection-bar" role="region" aria-label={t("selected", { n: people.length })}>
      <strong>{t("selected", { n: people.length })}</strong>
      <button type="button" class="main" disabled={!others.length} onClick={() => void merge(target, others)}>
        {others.length ? t("people.merge.into", { name: displayName(target) }) : t("people.merge")}
      </button>
      <button type="button" onClick={toggleHidden}>
        {t(allHidden ? "people.show" : "people.hide")}
      </button>
      <button type="button" class="quiet" onClick={clear}>
        {t("clear")}
      </button>
    </div>
  );
}

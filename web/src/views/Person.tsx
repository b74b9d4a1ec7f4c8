// One person: all their faces, best quality first, and the ways to correct them.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../api";
import { Chip } from "../components/Chip";
import { Icon } from "../components/Icon";
import { PersonField } from "../components/PersonField";
import { PersonName } from "../components/PersonName";
import { VirtualGrid, type Handle } from "../components/VirtualGrid";
import { clock } from "../format";
import { canAdmin, canWrite, errorMessage } from "../state/app";
import { compactFace, pagedList } from "../state/pagedList";
import { displayName, hide, merge, move, peopleVersion, split } from "../state/people";
import { navigate, openPhoto } from "../state/route";
import type { Face, Person } from "../types";
import { t } from "../words";

export function PersonView({ id }: { id: number }) {
  const [person, setPerson] = useState<Person | null>(null);
  const [problem, setProblem] = useState("");
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const list = useMemo(
    () => pagedList<Face>(`/people/${id}/faces`, "faces", { order: "quality" }, compactFace),
    [id, peopleVersion.value],
  );
  useEffect(() => () => list.stop(), [list]);
  useEffect(() => {
    setSelected(new Set());
    const controller = new AbortController();
    get<Person>(`/people/${id}`, {}, controller.signal).then(
      (loaded) => {
        setPerson(loaded);
        setProblem("");
      },
      (error: unknown) => !controller.signal.aborted && setProblem(errorMessage(error)),
    );
    return () => controller.abort();
  }, [id, peopleVersion.value]);
  void list.version.value;
  const at = useCallback((item: number) => list.items[item], [list, list.version.value]);
  const loadUntil = useCallback((count: number) => list.loadUntil(count), [list]);
  const toggle = useCallback((face: Face): void => {
    setSelected((before) => {
      const after = new Set(before);
      if (!after.delete(face.id)) after.add(face.id);
      return after;
    });
  }, []);
  const renderTile = useCallback(
    (face: Face, _: number, handle: Handle) => (
      <FaceTile
        face={face}
        handle={handle}
        selected={selected.has(face.id)}
        selecting={selected.size > 0}
        toggle={toggle}
      />
    ),
    [selected, toggle],
  );
  if (problem) return <LoadError problem={problem} />;
  if (!person) return null;
  return (
    <>
      <Head person={person} />
      <VirtualGrid
        label={t("person.faces", { name: displayName(person) })}
        length={list.length}
        at={at}
        loadUntil={loadUntil}
        minWidth={104}
        below={0}
        keyOf={(face) => face.id}
        renderTile={renderTile}
      />
      {selected.size > 0 && <SelectionBar person={person} faces={[...selected]} clear={() => setSelected(new Set())} />}
    </>
  );
}

function LoadError({ problem }: { problem: string }) {
  return (
    <div class="empty" role="alert">
      <Icon name="people" size={40} />
      <p>{problem}</p>
      <a href="#/people">{t("people.title")}</a>
    </div>
  );
}

function Head({ person }: { person: Person }) {
  const [merging, setMerging] = useState(false);
  return (
    <header class="view-head person-head">
      <a class="back" href="#/people">
        <Icon name="back" size={16} />
        {t("people.title")}
      </a>
      <div class="person-line">
        <Chip face={person.cover} side={256} />
        <div>
          <h1 class="visually-hidden">{displayName(person)}</h1>
          <PersonName person={person} editable={canWrite.value} large />
          <p class="note">
            {`#${person.id} · ${t("count.faces", { n: person.faces })} · `}
            <a href={`#/photos?person=${person.id}`}>{t("count.photos", { n: person.photos })}</a>
          </p>
        </div>
      </div>
      <div class="actions">
        <a class="button main" href={`#/search?person=${person.id}`}>
          <Icon name="search" />
          {t("person.search")}
        </a>
        {canWrite.value && (
          <>
            <button type="button" aria-expanded={merging} onClick={() => setMerging(!merging)}>
              {t("person.merge")}
            </button>
            <button type="button" onClick={() => void hide(person, !person.hidden)}>
              <Icon name={person.hidden ? "show" : "hide"} />
              {t(person.hidden ? "people.show" : "people.hide")}
            </button>
          </>
        )}
        {canAdmin.value && (
          <a class="button quiet" href={`#/settings?forget=${person.id}`}>
            {t("person.forget")}
          </a>
        )}
      </div>
      {merging && <MergeField person={person} close={() => setMerging(false)} />}
      {canWrite.value && person.faces > 1 && <p class="note">{t("person.hint")}</p>}
    </header>
  );
}

function MergeField({ person, close }: { person: Person; close: () => void }) {
  return (
    <div class="field inset">
      <span class="label">{t("person.merge.who")}</span>
      <PersonField
        label={t("person.merge.who")}
        autoFocus
        exclude={[person.id]}
        pick={(other) => {
          close();
          void merge(other, [person.id]).then((merged) => merged && navigate(`#/people/${other.id}`));
        }}
      />
    </div>
  );
}

interface FaceTileProps {
  face: Face;
  handle: Handle;
  selected: boolean;
  selecting: boolean;
  toggle: (face: Face) => void;
}

function FaceTile({ face, handle, selected, selecting, toggle }: FaceTileProps) {
  const editable = canWrite.value;
  return (
    <article class="tile bare-tile" data-selected={selected}>
      <button
        type="button"
        class="tile-face"
        {...handle}
        aria-label={t("face.open", { n: String(face.id) })}
        onClick={() => (selecting ? toggle(face) : openPhoto(face.photo, face.id))}
        onKeyDown={(event) => {
          if (event.key !== " " || !editable) return;
          event.preventDefault();
          toggle(face);
        }}
      >
        <Chip face={face.id} />
      </button>
      {face.time !== null && <span class="stamp">{clock(face.time)}</span>}
      {editable && (
        <label class="pick">
          <input
            type="checkbox"
            checked={selected}
            tabIndex={handle.tabIndex}
            aria-label={t("select", { name: String(face.id) })}
            onChange={() => toggle(face)}
          />
          <Icon name="check" size={14} />
        </label>
      )}
    </article>
  );
}

function SelectionBar({ person, faces, clear }: { person: Person; faces: number[]; clear: () => void }) {
  const [moving, setMoving] = useState(false);
  return (
    <div class="selection-bar" role="region" aria-label={t("selected", { n: faces.length })}>
      <strong>{t("selected", { n: faces.length })}</strong>
      <button type="button" class="main" onClick={() => void split(faces)}>
        {t("person.split")}
      </button>
      {moving ? (
        <PersonField
          label={t("person.move.who")}
          autoFocus
          exclude={[person.id]}
          pick={(other) => void move(faces, other)}
          enterName={(name) => void split(faces, name)}
          cancel={() => setMoving(false)}
        />
      ) : (
        <button type="button" onClick={() => setMoving(true)}>
          {t("person.move")}
        </button>
      )}
      <button type="button" onClick={() => void move(faces, null)}>
        {t("person.unassign")}
      </button>
      <button type="button" class="quiet" onClick={clear}>
        {t("clear")}
      </button>
    </div>
  );
}

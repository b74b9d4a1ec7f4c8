// One person: all her faces, the best shots first, and what can be put right.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../api";
import { Chip } from "../parts/Chip";
import { Icon } from "../parts/Icon";
import { PersonField } from "../parts/PersonField";
import { VirtualGrid, type Handle } from "../parts/VirtualGrid";
import { clock } from "../format";
import { mayAdmin, mayWrite, sentence } from "../state/app";
import { called, corrected, hide, merge, move, split } from "../state/correcting";
import { pagesOf, slimFace } from "../state/pages";
import { go, openPhoto } from "../state/route";
import type { Face, Person } from "../shapes";
import { said } from "../words";
import { Name } from "./people/PersonTile";

export function PersonView({ id }: { id: number }) {
  const [person, setPerson] = useState<Person | null>(null);
  const [problem, setProblem] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const pages = useMemo(() => pagesOf<Face>(`/people/${id}/faces`, "faces", { order: "quality" }, slimFace), [id, corrected.value]);
  useEffect(() => () => pages.stop(), [pages]);
  useEffect(() => {
    setChosen(new Set());
    const stop = new AbortController();
    get<Person>(`/people/${id}`, {}, stop.signal).then(
      (found) => {
        setPerson(found);
        setProblem("");
      },
      (error: unknown) => !stop.signal.aborted && setProblem(sentence(error)),
    );
    return () => stop.abort();
  }, [id, corrected.value]);
  void pages.version.value;
  const at = useCallback((item: number) => pages.items[item], [pages, pages.version.value]);
  const need = useCallback((count: number) => pages.need(count), [pages]);
  const pick = useCallback((face: Face): void => {
    setChosen((before) => {
      const now = new Set(before);
      if (!now.delete(face.id)) now.add(face.id);
      return now;
    });
  }, []);
  const tile = useCallback(
    (face: Face, _: number, handle: Handle) => <FaceTile face={face} handle={handle} chosen={chosen.has(face.id)} choosing={chosen.size > 0} pick={pick} />,
    [chosen, pick],
  );
  if (problem) return <Gone problem={problem} />;
  if (!person) return null;
  return (
    <>
      <Head person={person} />
      <VirtualGrid
        label={said("person.faces", { name: called(person) })}
        length={pages.length}
        at={at}
        need={need}
        least={104}
        below={0}
        keyOf={(face) => face.id}
        tile={tile}
      />
      {chosen.size > 0 && <Chosen person={person} faces={[...chosen]} clear={() => setChosen(new Set())} />}
    </>
  );
}

function Gone({ problem }: { problem: string }) {
  return (
    <div class="empty" role="alert">
      <Icon name="people" size={40} />
      <p>{problem}</p>
      <a href="#/people">{said("people.title")}</a>
    </div>
  );
}

function Head({ person }: { person: Person }) {
  const [merging, setMerging] = useState(false);
  return (
    <header class="view-head person-head">
      <a class="back" href="#/people">
        <Icon name="back" size={16} />
        {said("people.title")}
      </a>
      <div class="person-line">
        <Chip face={person.cover} side={256} />
        <div>
          <h1 class="unseen">{called(person)}</h1>
          <Name person={person} may={mayWrite.value} large />
          <p class="note">
            {`#${person.id} · ${said("count.faces", { n: person.faces })} · `}
            <a href={`#/photos?person=${person.id}`}>{said("count.photos", { n: person.photos })}</a>
          </p>
        </div>
      </div>
      <div class="actions">
        <a class="button main" href={`#/search?person=${person.id}`}>
          <Icon name="search" />
          {said("person.search")}
        </a>
        {mayWrite.value && (
          <>
            <button type="button" aria-expanded={merging} onClick={() => setMerging(!merging)}>{said("person.merge")}</button>
            <button type="button" onClick={() => void hide(person, !person.hidden)}>
              <Icon name={person.hidden ? "show" : "hide"} />
              {said(person.hidden ? "people.show" : "people.hide")}
            </button>
          </>
        )}
        {mayAdmin.value && <a class="button quiet" href={`#/settings?forget=${person.id}`}>{said("person.forget")}</a>}
      </div>
      {merging && (
        <div class="field inset">
          <span class="label">{said("person.merge.who")}</span>
          <PersonField
            label={said("person.merge.who")}
            autoFocus
            without={[person.id]}
            pick={(other) => {
              setMerging(false);
              void merge(other, [person.id]).then((done) => done && go(`#/people/${other.id}`));
            }}
          />
        </div>
      )}
      {mayWrite.value && person.faces > 1 && <p class="note">{said("person.hint")}</p>}
    </header>
  );
}

function FaceTile({ face, handle, chosen, choosing, pick }: { face: Face; handle: Handle; chosen: boolean; choosing: boolean; pick: (face: Face) => void }) {
  const may = mayWrite.value;
  return (
    <article class="tile bare-tile" data-chosen={chosen}>
      <button
        type="button"
        class="tile-face"
        {...handle}
        aria-label={said("face.open", { n: face.id })}
        onClick={() => (choosing ? pick(face) : openPhoto(face.photo, face.id))}
        onKeyDown={(event) => {
          if (event.key !== " " || !may) return;
          event.preventDefault();
          pick(face);
        }}
      >
        <Chip face={face.id} />
      </button>
      {face.time !== null && <span class="stamp">{clock(face.time)}</span>}
      {may && (
        <label class="pick">
          <input type="checkbox" checked={chosen} tabIndex={handle.tabIndex} aria-label={said("choose", { name: face.id })} onChange={() => pick(face)} />
          <Icon name="check" size={14} />
        </label>
      )}
    </article>
  );
}

function Chosen({ person, faces, clear }: { person: Person; faces: number[]; clear: () => void }) {
  const [moving, setMoving] = useState(false);
  return (
    <div class="chosen" role="region" aria-label={said("chosen", { n: faces.length })}>
      <strong>{said("chosen", { n: faces.length })}</strong>
      <button type="button" class="main" onClick={() => void split(faces)}>{said("person.split")}</button>
      {moving ? (
        <PersonField
          label={said("person.move.who")}
          autoFocus
          without={[person.id]}
          pick={(other) => void move(faces, other)}
          type={(text) => void split(faces, text)}
          cancel={() => setMoving(false)}
        />
      ) : (
        <button type="button" onClick={() => setMoving(true)}>{said("person.move")}</button>
      )}
      <button type="button" onClick={() => void move(faces, null)}>{said("person.nobody")}</button>
      <button type="button" class="quiet" onClick={clear}>{said("clear")}</button>
    </div>
  );
}

// A photograph as a whole, its faces outlined: who they are, and where to go from there.

import { useEffect, useState } from "preact/hooks";
import { get, image } from "../api";
import { clock, day, fileName } from "../format";
import { Boxed } from "../parts/Boxed";
import { Chip } from "../parts/Chip";
import { Dialog } from "../parts/Dialog";
import { Icon } from "../parts/Icon";
import { PersonField } from "../parts/PersonField";
import { mayWrite, sentence } from "../state/app";
import { corrected, move, split } from "../state/correcting";
import { closePhoto, replaceQuery, route } from "../state/route";
import type { Face, Photo } from "../shapes";
import { language, said } from "../words";

const SIDE = 2048;

const calledIn = (face: Face): string => face.name || (face.person === null ? said("nobody") : `#${face.person}`);

export function PhotoWindow({ photo: id }: { photo: number }) {
  const [photo, setPhoto] = useState<Photo | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    get<Photo>(`/photos/${id}`, {}, stop.signal).then(setPhoto, (error: unknown) => !stop.signal.aborted && setProblem(sentence(error)));
    return () => stop.abort();
  }, [id, corrected.value]);
  const wanted = Number(route.value.query.get("face"));
  const face = photo?.faces.find((one) => one.id === wanted) ?? photo?.faces[0];
  const path = photo?.paths[0] ?? "";
  return (
    <Dialog title={fileName(path) || said("photo.title")} close={closePhoto} wide>
      {problem && <p class="bad" role="alert">{problem}</p>}
      {photo && (
        <div class="photo-window">
          <div class="photo-stage">
            <Shown photo={photo} face={face} />
          </div>
          <div class="photo-side">
            {face ? <FaceCard key={face.id} face={face} /> : <p class="note">{photo.problem && photo.problem !== "no face found" ? photo.problem : said("photo.noface")}</p>}
            {photo.faces.length > 1 && <Others photo={photo} face={face} />}
            <dl class="facts">
              {photo.taken !== null && (
                <>
                  <dt>{said("photo.taken")}</dt>
                  <dd>{day(photo.taken, language.value)}</dd>
                </>
              )}
              {photo.width && (
                <>
                  <dt>{said("photo.size")}</dt>
                  <dd>{`${photo.width} × ${photo.height}`}</dd>
                </>
              )}
              <dt>{said("photo.where")}</dt>
              {photo.paths.map((one) => <dd key={one} class="path">{one}</dd>)}
            </dl>
          </div>
        </div>
      )}
    </Dialog>
  );
}

const choose = (face: number): void => replaceQuery({ face });

function Shown({ photo, face }: { photo: Photo; face: Face | undefined }) {
  if (photo.video) {
    return (
      <figure class="known">
        <Chip face={face?.id ?? null} side={256} />
        <figcaption class="note">
          <Icon name="film" size={16} /> {said("photo.video", { at: clock(face?.time ?? 0) })}
        </figcaption>
      </figure>
    );
  }
  const outlines = photo.faces.map((one) => ({ key: one.id, box: one.box, label: said("photo.face", { name: calledIn(one) }), chosen: one === face, named: one.name }));
  const size = photo.width && photo.height ? ([photo.width, photo.height] as const) : null;
  return <Boxed source={image(photo.id, SIDE)} alt={fileName(photo.paths[0] ?? "")} size={size} outlines={outlines} choose={choose} instead={said("photo.gone")} />;
}

function FaceCard({ face }: { face: Face }) {
  const [correcting, setCorrecting] = useState(false);
  return (
    <section class="face-card" aria-label={said("photo.chosen")}>
      <Chip face={face.id} side={256} />
      <div>
        {face.person === null ? <p class="muted">{said("nobody")}</p> : <p class="who"><a href={`#/people/${face.person}`}>{calledIn(face)}</a></p>}
        <p class="note">{said("search.known", { n: face.id })}</p>
      </div>
      <div class="actions">
        <a class="button main" href={`#/search?probe=face:${face.id}`}>
          <Icon name="search" />
          {said("hit.search")}
        </a>
        {mayWrite.value && !correcting && <button type="button" onClick={() => setCorrecting(true)}>{said(face.person === null ? "photo.who" : "photo.other")}</button>}
        {mayWrite.value && face.person !== null && !correcting && <button type="button" class="quiet" onClick={() => void move([face.id], null)}>{said("person.nobody")}</button>}
      </div>
      {correcting && (
        <PersonField
          label={said("person.move.who")}
          autoFocus
          without={face.person === null ? [] : [face.person]}
          pick={(other) => {
            setCorrecting(false);
            void move([face.id], other);
          }}
          type={(text) => {
            setCorrecting(false);
            void split([face.id], text);
          }}
          cancel={() => setCorrecting(false)}
        />
      )}
    </section>
  );
}

function Others({ photo, face }: { photo: Photo; face: Face | undefined }) {
  return (
    <section aria-label={said("photo.faces", { n: photo.faces.length })}>
      <h3 class="small-head">{said("photo.faces", { n: photo.faces.length })}</h3>
      <ul class="strip" role="list">
        {photo.faces.map((one) => (
          <li key={one.id}>
            <button type="button" class="bare" aria-pressed={one === face} aria-label={said("photo.face", { name: calledIn(one) })} title={calledIn(one)} onClick={() => choose(one.id)}>
              <Chip face={one.id} side={96} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

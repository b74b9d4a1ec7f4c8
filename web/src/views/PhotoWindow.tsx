// A whole photo with its faces outlined: who they are, and the ways to correct them.

import { useEffect, useState } from "preact/hooks";
import { get, image } from "../api";
import { Chip } from "../components/Chip";
import { Dialog } from "../components/Dialog";
import { FaceBoxes } from "../components/FaceBoxes";
import { Icon } from "../components/Icon";
import { PersonField } from "../components/PersonField";
import { clock, day, fileName } from "../format";
import { canWrite, errorMessage } from "../state/app";
import { move, peopleVersion, split } from "../state/people";
import { closePhoto, replaceQuery, route } from "../state/route";
import type { Face, Photo } from "../types";
import { language, t } from "../words";
import { photoProblem } from "../words/server";

const SIDE = 2048; // px, the longer side of the picture that is fetched

const personLabel = (face: Face): string => face.name || (face.person === null ? t("unassigned") : `#${face.person}`);

export function PhotoWindow({ photo: id }: { photo: number }) {
  const [photo, setPhoto] = useState<Photo | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const controller = new AbortController();
    get<Photo>(`/photos/${id}`, {}, controller.signal).then(
      setPhoto,
      (error: unknown) => !controller.signal.aborted && setProblem(errorMessage(error)),
    );
    return () => controller.abort();
  }, [id, peopleVersion.value]);
  const faceInAddress = Number(route.value.query.get("face"));
  const face = photo?.faces.find((other) => other.id === faceInAddress) ?? photo?.faces[0];
  return (
    <Dialog title={fileName(photo?.paths[0] ?? "") || t("photo.title")} close={closePhoto} wide>
      {problem && (
        <p class="bad" role="alert">
          {problem}
        </p>
      )}
      {photo && (
        <div class="photo-window">
          <div class="photo-stage">
            <Picture photo={photo} face={face} />
          </div>
          <div class="photo-side">
            {face ? <FaceCard key={face.id} face={face} /> : <p class="note">{photoProblem(photo)}</p>}
            {photo.faces.length > 1 && <FaceStrip photo={photo} face={face} />}
            <Facts photo={photo} />
          </div>
        </div>
      )}
    </Dialog>
  );
}

function Facts({ photo }: { photo: Photo }) {
  return (
    <dl class="facts">
      {photo.taken !== null && (
        <>
          <dt>{t("photo.taken")}</dt>
          <dd>{day(photo.taken, language.value)}</dd>
        </>
      )}
      {photo.width > 0 && (
        <>
          <dt>{t("photo.size")}</dt>
          <dd>{`${photo.width} × ${photo.height}`}</dd>
        </>
      )}
      <dt>{t("photo.path")}</dt>
      {photo.paths.map((path) => (
        <dd key={path} class="path">
          {path}
        </dd>
      ))}
    </dl>
  );
}

const selectFace = (face: number): void => replaceQuery({ face });

function Picture({ photo, face }: { photo: Photo; face: Face | undefined }) {
  if (photo.video) {
    return (
      <figure class="gallery-probe">
        <Chip face={face?.id ?? null} side={256} />
        <figcaption class="note">
          <Icon name="film" size={16} /> {t("photo.video", { at: clock(face?.time ?? 0) })}
        </figcaption>
      </figure>
    );
  }
  const boxes = photo.faces.map((other) => ({
    key: other.id,
    box: other.box,
    label: t("photo.face", { name: personLabel(other) }),
    selected: other === face,
    name: other.name,
  }));
  return (
    <FaceBoxes
      source={image(photo.id, SIDE)}
      alt={fileName(photo.paths[0] ?? "")}
      size={photo.width && photo.height ? [photo.width, photo.height] : null}
      boxes={boxes}
      select={selectFace}
      fallback={t("photo.gone")}
    />
  );
}

function FaceCard({ face }: { face: Face }) {
  const [editing, setEditing] = useState(false);
  const canEdit = canWrite.value && !editing;
  return (
    <section class="face-card" aria-label={t("photo.selected")}>
      <Chip face={face.id} side={256} />
      <div>
        {face.person === null ? (
          <p class="muted">{t("unassigned")}</p>
        ) : (
          <p class="identity">
            <a href={`#/people/${face.person}`}>{personLabel(face)}</a>
          </p>
        )}
        <p class="note">{t("face.number", { n: String(face.id) })}</p>
      </div>
      <div class="actions">
        <a class="button main" href={`#/search?probe=face:${face.id}`}>
          <Icon name="search" />
          {t("hit.search")}
        </a>
        {canEdit && (
          <button type="button" onClick={() => setEditing(true)}>
            {t(face.person === null ? "photo.who" : "photo.other")}
          </button>
        )}
        {canEdit && face.person !== null && (
          <button type="button" class="quiet" onClick={() => void move([face.id], null)}>
            {t("person.unassign")}
          </button>
        )}
      </div>
      {editing && <MoveField face={face} close={() => setEditing(false)} />}
    </section>
  );
}

function MoveField({ face, close }: { face: Face; close: () => void }) {
  return (
    <PersonField
      label={t("person.move.who")}
      autoFocus
      exclude={face.person === null ? [] : [face.person]}
      pick={(person) => {
        close();
        void move([face.id], person);
      }}
      enterName={(name) => {
        close();
        void split([face.id], name);
      }}
      cancel={close}
    />
  );
}

function FaceStrip({ photo, face }: { photo: Photo; face: Face | undefined }) {
  const title = t("photo.faces", { n: photo.faces.length });
  return (
    <section aria-label={title}>
      <h3 class="small-head">{title}</h3>
      <ul class="strip" role="list">
        {photo.faces.map((other) => (
          <li key={other.id}>
            <button
              type="button"
              class="bare"
              aria-pressed={other === face}
              aria-label={t("photo.face", { name: personLabel(other) })}
              title={personLabel(other)}
              onClick={() => selectFace(other.id)}
            >
              <Chip face={other.id} side={96} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

// All photos and videos, filtered by person, and the ways to add new ones.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { get, image, post, send } from "../api";
import { Chip, rememberFetched, useDelayedSource } from "../components/Chip";
import { Icon } from "../components/Icon";
import { PeopleTokens } from "../components/PeopleTokens";
import { PersonField } from "../components/PersonField";
import { ChooseButton, DropAnywhere } from "../components/PictureInput";
import { VirtualGrid, type Handle } from "../components/VirtualGrid";
import { fileName } from "../format";
import { canAdmin, canWrite, gallery, reportError } from "../state/app";
import { jobsFinished, watchJob } from "../state/jobs";
import { compactFace, pagedList } from "../state/pagedList";
import { openPhoto, replaceQuery, route } from "../state/route";
import type { Job, Person, Photo } from "../types";
import { joinList, t } from "../words";
import { isWithoutFace } from "../words/server";

const ORDERS = ["taken", "indexed"] as const;
type Order = (typeof ORDERS)[number];

const compactPhoto = (photo: Photo): Photo => ({
  ...photo,
  paths: photo.paths.slice(0, 1),
  faces: photo.faces.map(compactFace),
});

export function PhotosView() {
  const { query } = route.value;
  const people = (query.get("person") ?? "").split(",").filter((id) => /^\d+$/.test(id));
  const order = ORDERS.find((name) => name === query.get("order")) ?? "taken";
  const problems = query.get("problem") === "true";
  const list = useMemo(
    () => pagedList<Photo>("/photos", "photos", { person: people, order, problem: problems }, compactPhoto),
    [people.join(), order, problems, jobsFinished.value],
  );
  useEffect(() => () => list.stop(), [list]);
  void list.version.value;
  const at = useCallback((item: number) => list.items[item], [list, list.version.value]);
  const loadUntil = useCallback((count: number) => list.loadUntil(count), [list]);
  return (
    <>
      {canWrite.value && <DropAnywhere take={(pictures) => void upload(pictures)} hint={t("photos.drop")} />}
      <Head people={people} order={order} problems={problems} />
      {list.version.value > 0 && !list.length ? (
        <div class="empty">
          <Icon name="photos" size={40} />
          <p>{t(people.length ? "photos.none.people" : problems ? "photos.none.problems" : "photos.none")}</p>
        </div>
      ) : (
        <VirtualGrid
          label={t("photos.title")}
          length={list.length}
          at={at}
          loadUntil={loadUntil}
          minWidth={168}
          below={0}
          ratio={0.78}
          gap={10}
          keyOf={(photo) => photo.id}
          renderTile={renderPhoto}
        />
      )}
    </>
  );
}

const renderPhoto = (photo: Photo, _: number, handle: Handle) => <PhotoTile photo={photo} handle={handle} />;

const UPLOAD_BYTES = 16 * 1024 * 1024; // in one request, well below the server's limit

/** Uploads pictures in batches. */
async function upload(pictures: File[]): Promise<void> {
  let parts: [string, Blob][] = [];
  let bytes = 0;
  for (const [n, picture] of pictures.entries()) {
    parts.push(["image", picture]);
    bytes += picture.size;
    if (bytes + (pictures[n + 1]?.size ?? Infinity) < UPLOAD_BYTES) continue;
    await send<Job>("/photos", parts).then(watchJob, reportError);
    [parts, bytes] = [[], 0];
  }
}

function Head({ people, order, problems }: { people: string[]; order: Order; problems: boolean }) {
  const [adding, setAdding] = useState(gallery.value?.photos === 0);
  const problemCount = gallery.value?.problems ?? 0;
  return (
    <header class="view-head">
      <div class="title-row">
        <h1>{t("photos.title")}</h1>
        {canWrite.value && (
          <button type="button" aria-expanded={adding} onClick={() => setAdding(!adding)}>
            <Icon name="more" />
            {t("photos.add")}
          </button>
        )}
      </div>
      {adding && <AddPhotos />}
      <div class="bar">
        <PeopleFilter ids={people} />
        <label class="select">
          <span class="visually-hidden">{t("photos.order")}</span>
          <select value={order} onChange={(event) => replaceQuery({ order: event.currentTarget.value })}>
            {ORDERS.map((name) => (
              <option key={name} value={name}>
                {t(`photos.order.${name}`)}
              </option>
            ))}
          </select>
        </label>
        {(problems || problemCount > 0) && (
          <label class="switch">
            <input
              type="checkbox"
              role="switch"
              checked={problems}
              onChange={(event) => replaceQuery({ problem: event.currentTarget.checked ? "true" : null })}
            />
            <span>{t("photos.problems", { n: problemCount })}</span>
          </label>
        )}
      </div>
    </header>
  );
}

/** The people who must all be in a photo. */
function PeopleFilter({ ids }: { ids: string[] }) {
  const [loaded, setLoaded] = useState<Person[]>([]);
  useEffect(() => {
    const missing = ids.filter((id) => !loaded.some((person) => String(person.id) === id));
    if (!missing.length) return;
    Promise.all(missing.map((id) => get<Person>(`/people/${id}`))).then(
      (people) => setLoaded((before) => [...before, ...people]),
      reportError,
    );
  }, [ids.join()]);
  const people = ids.flatMap((id) => loaded.find((person) => String(person.id) === id) ?? []);
  const change = (next: Person[]): void => {
    setLoaded((before) => [...before, ...next]);
    replaceQuery({ person: next.map((person) => person.id).join(",") || null });
  };
  return (
    <div class="people-filter" role="group" aria-label={t("photos.filter")}>
      <PeopleTokens people={people} change={change} />
      <PersonField
        label={t(ids.length ? "photos.together" : "photos.filter")}
        exclude={ids.map(Number)}
        pick={(person) => change([...people, person])}
      />
    </div>
  );
}

function AddPhotos() {
  const [path, setPath] = useState("");
  const scan = (event: SubmitEvent): void => {
    event.preventDefault();
    post<Job>("/jobs/index", { paths: [path.trim()] }).then((job) => {
      watchJob(job);
      setPath("");
    }, reportError);
  };
  return (
    <section class="adding" aria-label={t("photos.add")}>
      <div class="adding-part">
        <p>{t("photos.add.drop")}</p>
        <ChooseButton take={(pictures) => void upload(pictures)} label={t("photos.choose")} main />
      </div>
      {canAdmin.value && (
        <form class="adding-part" onSubmit={scan}>
          <label for="folder">{t("photos.folder")}</label>
          <div class="row">
            <input
              id="folder"
              type="text"
              required
              spellcheck={false}
              autocomplete="off"
              placeholder={t("photos.folder.example")}
              value={path}
              onInput={(event) => setPath(event.currentTarget.value)}
            />
            <button type="submit" disabled={!path.trim()}>
              {t("photos.scan")}
            </button>
          </div>
        </form>
      )}
    </section>
  );
}

function PhotoTile({ photo, handle }: { photo: Photo; handle: Handle }) {
  const address = image(photo.id, 384);
  const source = useDelayedSource(address);
  const [failed, setFailed] = useState(false);
  const names = photo.faces.map((face) => face.name).filter(Boolean);
  const title = photo.paths[0] ? fileName(photo.paths[0]) : t("photo.title");
  const label = joinList([title, t("count.faces", { n: photo.faces.length }), ...names]);
  return (
    <article class="tile bare-tile">
      <button
        type="button"
        class="tile-face"
        {...handle}
        aria-label={label}
        title={label}
        onClick={() => openPhoto(photo.id)}
      >
        {failed || photo.video ? (
          <Chip face={photo.faces[0]?.id ?? null} />
        ) : (
          <img
            class="chip"
            src={source}
            alt=""
            decoding="async"
            draggable={false}
            data-ready={source ? undefined : "no"}
            onLoad={() => rememberFetched(address)}
            onError={() => setFailed(true)}
          />
        )}
      </button>
      {photo.video && (
        <span class="stamp">
          <Icon name="film" size={14} />
        </span>
      )}
      {photo.problem && (
        <span class={isWithoutFace(photo) ? "stamp" : "stamp bad"}>
          {t(isWithoutFace(photo) ? "photos.noface" : "photos.problem")}
        </span>
      )}
      {names.length > 0 && <span class="stamp names clip">{joinList(names)}</span>}
    </article>
  );
}

// All photographs: who is on them, who is on them together, and how new ones come in.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { get, image, post, send } from "../api";
import { fileName } from "../format";
import { Icon } from "../parts/Icon";
import { PersonField } from "../parts/PersonField";
import { ChooseButton, DropAnywhere } from "../parts/Pictures";
import { Chip, remember, useCalm } from "../parts/Chip";
import { VirtualGrid, type Handle } from "../parts/VirtualGrid";
import { complain, gallery, mayAdmin, mayWrite } from "../state/app";
import { ended, watch } from "../state/jobs";
import { pagesOf, slimFace } from "../state/pages";
import { openPhoto, replaceQuery, route } from "../state/route";
import type { Job, Person, Photo } from "../shapes";
import { said, type Key } from "../words";
import { PeopleTokens } from "./search/Asked";

const NO_FACE = "no face found"; // what the server says of a photograph that was read well
const ORDERS = ["taken", "indexed"] as const;
const slim = (photo: Photo): Photo => ({ ...photo, paths: photo.paths.slice(0, 1), faces: photo.faces.map(slimFace) });

export function PhotosView() {
  const { query } = route.value;
  const ids = (query.get("person") ?? "").split(",").filter((one) => /^\d+$/.test(one));
  const order = ORDERS.find((one) => one === query.get("order")) ?? "taken";
  const problems = query.get("problem") === "true";
  const pages = useMemo(
    () => pagesOf<Photo>("/photos", "photos", { person: ids, order, problem: problems }, slim),
    [ids.join(), order, problems, ended.value],
  );
  useEffect(() => () => pages.stop(), [pages]);
  void pages.version.value;
  const at = useCallback((item: number) => pages.items[item], [pages, pages.version.value]);
  const need = useCallback((count: number) => pages.need(count), [pages]);
  return (
    <>
      {mayWrite.value && <DropAnywhere take={(pictures) => void upload(pictures)} hint={said("photos.drop")} />}
      <Head ids={ids} order={order} problems={problems} />
      {pages.version.value > 0 && !pages.length ? (
        <div class="empty">
          <Icon name="photos" size={40} />
          <p>{said(ids.length ? "photos.none.people" : problems ? "photos.none.problems" : "photos.none")}</p>
        </div>
      ) : (
        <VirtualGrid
          label={said("photos.title")}
          length={pages.length}
          at={at}
          need={need}
          least={168}
          below={0}
          square={0.78}
          gap={10}
          keyOf={(photo) => photo.id}
          tile={photoTile}
        />
      )}
    </>
  );
}

const photoTile = (photo: Photo, _: number, handle: Handle) => <PhotoTile photo={photo} handle={handle} />;

const AT_ONCE = 16 * 1024 * 1024; // bytes in one request, well below what the server takes

/** Sends pictures, as many at once as the server likes. */
async function upload(pictures: File[]): Promise<void> {
  let parts: [string, Blob][] = [];
  let bytes = 0;
  for (const [n, picture] of pictures.entries()) {
    parts.push(["image", picture]);
    bytes += picture.size;
    if (bytes + (pictures[n + 1]?.size ?? Infinity) < AT_ONCE) continue;
    await send<Job>("/photos", parts).then(watch, complain);
    [parts, bytes] = [[], 0];
  }
}

function Head({ ids, order, problems }: { ids: string[]; order: string; problems: boolean }) {
  const [adding, setAdding] = useState(gallery.value?.photos === 0);
  return (
    <header class="view-head">
      <div class="title-row">
        <h1>{said("photos.title")}</h1>
        {mayWrite.value && (
          <button type="button" aria-expanded={adding} onClick={() => setAdding(!adding)}>
            <Icon name="more" />
            {said("photos.add")}
          </button>
        )}
      </div>
      {adding && <Adding />}
      <div class="bar">
        <Together ids={ids} />
        <label class="select">
          <span class="unseen">{said("photos.order")}</span>
          <select value={order} onChange={(event) => replaceQuery({ order: event.currentTarget.value })}>
            {ORDERS.map((one) => <option key={one} value={one}>{said(`photos.order.${one}` as Key)}</option>)}
          </select>
        </label>
        {(problems || (gallery.value?.problems ?? 0) > 0) && (
          <label class="switch">
            <input type="checkbox" role="switch" checked={problems} onChange={(event) => replaceQuery({ problem: event.currentTarget.checked ? "true" : null })} />
            <span>{said("photos.problems", { n: gallery.value?.problems ?? 0 })}</span>
          </label>
        )}
      </div>
    </header>
  );
}

/** The people who must all be on a photograph. */
function Together({ ids }: { ids: string[] }) {
  const [people, setPeople] = useState<Person[]>([]);
  useEffect(() => {
    const missing = ids.filter((id) => !people.some((person) => String(person.id) === id));
    if (!missing.length) return;
    Promise.all(missing.map((id) => get<Person>(`/people/${id}`))).then((found) => setPeople((before) => [...before, ...found]), complain);
  }, [ids.join()]);
  const shown = ids.flatMap((id) => people.find((person) => String(person.id) === id) ?? []);
  const put = (next: Person[]): void => {
    setPeople((before) => [...before, ...next]);
    replaceQuery({ person: next.map((person) => person.id).join(",") || null });
  };
  return (
    <div class="together" role="group" aria-label={said("photos.filter")}>
      <PeopleTokens people={shown} put={put} />
      <PersonField label={said(ids.length ? "photos.together" : "photos.filter")} without={ids.map(Number)} pick={(person) => put([...shown, person])} />
    </div>
  );
}

function Adding() {
  const [path, setPath] = useState("");
  const index = (event: SubmitEvent): void => {
    event.preventDefault();
    post<Job>("/jobs/index", { paths: [path.trim()] }).then((job) => {
      watch(job);
      setPath("");
    }, complain);
  };
  return (
    <section class="adding" aria-label={said("photos.add")}>
      <div class="adding-part">
        <p>{said("photos.add.drop")}</p>
        <ChooseButton take={(pictures) => void upload(pictures)} label={said("photos.choose")} main />
      </div>
      {mayAdmin.value && (
        <form class="adding-part" onSubmit={index}>
          <label for="folder">{said("photos.folder")}</label>
          <div class="row">
            <input id="folder" type="text" required spellcheck={false} autocomplete="off" placeholder={said("photos.folder.example")} value={path} onInput={(event) => setPath(event.currentTarget.value)} />
            <button type="submit" disabled={!path.trim()}>{said("photos.index")}</button>
          </div>
        </form>
      )}
    </section>
  );
}

function PhotoTile({ photo, handle }: { photo: Photo; handle: Handle }) {
  const address = image(photo.id, 384);
  const source = useCalm(address);
  const [gone, setGone] = useState(false);
  const names = photo.faces.map((face) => face.name).filter(Boolean);
  const label = [fileName(photo.paths[0] ?? said("photo.title")), said("count.faces", { n: photo.faces.length }), ...names].join(", ");
  return (
    <article class="tile bare-tile">
      <button type="button" class="tile-face" {...handle} aria-label={label} title={label} onClick={() => openPhoto(photo.id)}>
        {gone || photo.video ? (
          <Chip face={photo.faces[0]?.id ?? null} />
        ) : (
          <img class="chip" src={source} alt="" decoding="async" draggable={false} data-ready={source ? undefined : "no"} onLoad={() => remember(address)} onError={() => setGone(true)} />
        )}
      </button>
      {photo.video && <span class="stamp"><Icon name="film" size={14} /></span>}
      {photo.problem && <span class={photo.problem === NO_FACE ? "stamp" : "stamp bad"}>{said(photo.problem === NO_FACE ? "photos.noface" : "photos.problem")}</span>}
      {names.length > 0 && <span class="stamp names clip">{names.join(", ")}</span>}
    </article>
  );
}

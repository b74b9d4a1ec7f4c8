// The left side of a search: the probe and the filters.

import { useEffect, useMemo } from "preact/hooks";
import { get } from "../../api";
import { Chip } from "../../components/Chip";
import { FaceBoxes } from "../../components/FaceBoxes";
import { PeopleTokens } from "../../components/PeopleTokens";
import { Icon } from "../../components/Icon";
import { PersonField } from "../../components/PersonField";
import { CameraButton, ChooseButton } from "../../components/PictureInput";
import { usePromise } from "../../components/usePromise";
import { distance } from "../../format";
import { reportError } from "../../state/app";
import { navigate, openPhoto, route } from "../../state/route";
import {
  clearSearch,
  excluded,
  include,
  lookalikes,
  maxDistance,
  onlyPeople,
  results,
  runSearch,
  selected,
  sliderDistance,
  type Probe,
} from "../../state/search";
import type { Face, Person } from "../../types";
import { t } from "../../words";

export function ProbePanel({ probe, take }: { probe: Probe; take: (pictures: File[]) => void }) {
  const clear = (): void => {
    clearSearch();
    if (route.value.query.size) navigate("#/search");
  };
  return (
    <>
      {"pictures" in probe ? <PictureProbe pictures={probe.pictures} /> : <GalleryProbe name={probe.name} />}
      <div class="actions">
        <ChooseButton take={take} label={t("search.change")} />
        <CameraButton take={take} label={t("search.camera")} />
        <button type="button" class="quiet" onClick={clear}>
          {t("search.clear")}
        </button>
      </div>
      <Filters />
    </>
  );
}

function useObjectUrls(pictures: File[]): string[] {
  const urls = useMemo(() => pictures.map((picture) => URL.createObjectURL(picture)), [pictures]);
  useEffect(() => () => urls.forEach((url) => URL.revokeObjectURL(url)), [urls]);
  return urls;
}

/** One picture with its faces outlined, or several of one person. */
function PictureProbe({ pictures }: { pictures: File[] }) {
  const urls = useObjectUrls(pictures);
  if (pictures.length > 1) {
    return (
      <figure class="several">
        <div>
          {urls.map((url, n) => (
            <img key={url} src={url} alt={pictures[n]!.name} />
          ))}
        </div>
        <figcaption class="note">{t("search.several", { n: pictures.length })}</figcaption>
      </figure>
    );
  }
  const answers = results.value?.answers ?? [];
  const boxes = answers.flatMap(({ probe }, n) =>
    probe.box
      ? [{ key: n, box: probe.box, label: t("search.face", { n: n + 1 }), selected: n === selected.value }]
      : [],
  );
  const select = (n: number): void => {
    selected.value = n;
  };
  return (
    <figure class="picture-probe">
      <FaceBoxes
        source={urls[0]!}
        alt={pictures[0]!.name}
        size={answers[0]?.probe.size ?? null}
        boxes={boxes}
        select={boxes.length > 1 ? select : undefined}
        fallback={t("search.nopreview")}
      />
      {boxes.length > 1 && <figcaption class="note">{t("search.pick", { n: boxes.length })}</figcaption>}
    </figure>
  );
}

/** A face or a person of the gallery: 'face:12' or '#12'. */
function GalleryProbe({ name }: { name: string }) {
  const id = Number(name.replace(/\D/g, ""));
  return name.startsWith("face:") ? <FaceProbe id={id} /> : <PersonProbe id={id} />;
}

function FaceProbe({ id }: { id: number }) {
  const open = (): void => {
    get<Face>(`/faces/${id}`).then((face) => openPhoto(face.photo, face.id), reportError);
  };
  return (
    <figure class="gallery-probe">
      <button type="button" class="bare" onClick={open} aria-label={t("hit.open")}>
        <Chip face={id} side={256} />
      </button>
      <figcaption class="note">{t("face.number", { n: String(id) })}</figcaption>
    </figure>
  );
}

function PersonProbe({ id }: { id: number }) {
  const request = useMemo(() => get<Person>(`/people/${id}`), [id]);
  const person = usePromise(request);
  const name = person?.name || `#${id}`;
  return (
    <figure class="gallery-probe">
      <a href={`#/people/${id}`} aria-label={name}>
        <Chip face={person?.cover ?? null} side={256} />
      </a>
      <figcaption>
        <strong>{name}</strong>
        {person && <small class="note">{t("count.faces", { n: person.faces })}</small>}
      </figcaption>
    </figure>
  );
}

function Filters() {
  const toggleLookalikes = (): void => {
    lookalikes.value = !lookalikes.value;
    sliderDistance.value = null;
    void runSearch();
  };
  const inUse = lookalikes.value || onlyPeople.value.length > 0 || excluded.value.length > 0;
  return (
    <div class="filters">
      {results.value && <DistanceSlider />}
      <details open={matchMedia("(min-width: 761px)").matches || inUse}>
        <summary>{t("search.filters")}</summary>
        <div class="filter-body">
          <label class="switch">
            <input type="checkbox" role="switch" checked={lookalikes.value} onChange={toggleLookalikes} />
            <span>
              {t("search.lookalikes")}
              <small>{t("search.lookalikes.note")}</small>
            </span>
          </label>
          <div class="field">
            <span class="label">{t("search.only")}</span>
            <PeopleFilter />
          </div>
          {excluded.value.length > 0 && <ExcludedFaces />}
        </div>
      </details>
    </div>
  );
}

function ExcludedFaces() {
  return (
    <div class="field">
      <span class="label">{t("search.excluded")}</span>
      <ul class="tokens" role="list">
        {excluded.value.map((face) => {
          const label = t("search.include", { name: face.name || String(face.id) });
          return (
            <li key={face.id}>
              <button type="button" class="token" onClick={() => include(face)} aria-label={label} title={label}>
                <Chip face={face.id} side={96} />
                <Icon name="close" size={14} />
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

const MAX_SLIDER = 1.4; // strangers are seldom farther apart by Euclidean distance, and less by cosine distance

function DistanceSlider() {
  const { info, answers } = results.value!;
  const farthest = answers.flatMap(({ hits }) => hits.at(-1)?.distance ?? []);
  const end = Math.ceil(Math.max(MAX_SLIDER, ...farthest) * 100) / 100;
  const value = maxDistance.value ?? end;
  const valueText =
    maxDistance.value === null ? t("search.strictness.any") : t("search.strictness.value", { at: distance(value) });
  return (
    <div class="field slider">
      <label for="limit">
        <span class="label">{t("search.strictness")}</span>
        <output for="limit">{valueText}</output>
      </label>
      <input
        id="limit"
        type="range"
        min={0}
        max={end}
        step={0.005}
        value={value}
        aria-valuetext={valueText}
        onInput={(event) => {
          sliderDistance.value = event.currentTarget.valueAsNumber;
        }}
      />
      <p class="slider-ends" aria-hidden="true">
        <span>{t("search.strict")}</span>
        <span>{t("search.loose")}</span>
      </p>
      <p class="note">
        {info.threshold === null ? t("search.nothreshold") : t("search.threshold", { at: distance(info.threshold) })}{" "}
        {sliderDistance.value !== null && info.threshold !== null && (
          <button
            type="button"
            class="link"
            onClick={() => {
              sliderDistance.value = null;
            }}
          >
            {t("search.reset")}
          </button>
        )}
      </p>
    </div>
  );
}

function PeopleFilter() {
  const change = (people: Person[]): void => {
    onlyPeople.value = people;
    void runSearch();
  };
  return (
    <>
      <PeopleTokens people={onlyPeople.value} change={change} />
      <PersonField
        label={t("search.only.add")}
        exclude={onlyPeople.value.map((person) => person.id)}
        pick={(person) => change([...onlyPeople.value, person])}
      />
    </>
  );
}

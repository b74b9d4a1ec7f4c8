// Two pictures: one person or two? Of several faces in one, another can be chosen.

import { useEffect, useMemo, useState } from "preact/hooks";
import { send, type Query } from "../api";
import { distance, probability } from "../format";
import { Boxed, type Outline } from "../parts/Boxed";
import { Chip } from "../parts/Chip";
import { Icon } from "../parts/Icon";
import { CameraButton, ChooseButton, DropAnywhere } from "../parts/Pictures";
import { sentence } from "../state/app";
import { replaceQuery, route } from "../state/route";
import type { Detected, Probe, Verdict } from "../shapes";
import { said } from "../words";

type Side = "a" | "b";
type Picture = File | string | null; // a string is somebody of the gallery: 'face:12'

/** One side: its picture, and the number of the face in it that was chosen; null: the largest. */
interface Given {
  picture: Picture;
  face: number | null;
}

const SIDES: Side[] = ["a", "b"];

export function CompareView() {
  const [given, setGiven] = useState<Record<Side, Given>>({ a: of(probeOf("a")), b: of(probeOf("b")) });
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [problem, setProblem] = useState("");
  const { a, b } = given;
  useEffect(() => {
    setVerdict(null);
    setProblem("");
    if (!a.picture || !b.picture) return undefined;
    const stop = new AbortController();
    const parts: [string, Blob][] = [];
    const query: Query = {};
    for (const side of SIDES) {
      const { picture, face } = given[side];
      if (picture instanceof File) {
        parts.push([side, picture]);
        query[`${side}_face`] = face;
      } else query[side] = picture;
    }
    send<Verdict>("/verify", parts, query, stop.signal).then(setVerdict, (error: unknown) => !stop.signal.aborted && setProblem(sentence(error)));
    return () => stop.abort();
  }, [a, b]);
  const put = (side: Side, picture: Picture): void => {
    if (typeof given[side].picture === "string") replaceQuery({ [side]: null });
    setGiven((before) => ({ ...before, [side]: of(picture) }));
  };
  const choose = (side: Side, face: number): void => setGiven((before) => ({ ...before, [side]: { ...before[side], face } }));
  const take = (files: File[]): void => {
    const [first, second] = files;
    if (first && second) setGiven({ a: of(first), b: of(second) });
    else if (first) put(!a.picture ? "a" : "b", first);
  };
  return (
    <div class="compare">
      <DropAnywhere take={take} hint={said("compare.drop")} />
      <header class="view-head">
        <h1>{said("compare.title")}</h1>
        <p class="note">{said("compare.note")}</p>
      </header>
      <div class="pair">
        {SIDES.map((side) => (
          <Half
            key={side}
            side={side}
            given={given[side]}
            probe={verdict?.[side] ?? null}
            put={(picture) => put(side, picture)}
            choose={(face) => choose(side, face)}
          />
        ))}
      </div>
      <div role="status" aria-live="polite" class="verdict-place">
        {problem ? <p class="bad">{problem}</p> : verdict ? <Shown verdict={verdict} /> : a.picture && b.picture ? <p class="note">{said("compare.waiting")}</p> : null}
      </div>
    </div>
  );
}

const of = (picture: Picture): Given => ({ picture, face: null });

function probeOf(side: Side): string | null {
  const text = route.value.query.get(side);
  return text && /^(face:\d+|#\d+)$/.test(text) ? text : null;
}

interface HalfProps {
  side: Side;
  given: Given;
  probe: Probe | null;
  put: (picture: Picture) => void;
  choose: (face: number) => void;
}

/** The faces in a picture, once they are found; none where it cannot be looked at: the verdict then says why. */
function useFaces(picture: Picture): Detected | null {
  const [found, setFound] = useState<{ of: Picture; faces: Detected } | null>(null);
  useEffect(() => {
    if (!(picture instanceof File)) return undefined;
    const stop = new AbortController();
    send<Detected>("/detect", [["image", picture]], {}, stop.signal).then((faces) => setFound({ of: picture, faces }), () => {});
    return () => stop.abort();
  }, [picture]);
  return found?.of === picture ? found.faces : null;
}

function Half({ side, given: { picture, face }, probe, put, choose }: HalfProps) {
  const found = useFaces(picture);
  const address = useMemo(() => (picture instanceof File ? URL.createObjectURL(picture) : ""), [picture]);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  const label = said(`compare.${side}`);
  const take = (files: File[]): void => put(files[0] ?? null);
  const several = (found?.faces.length ?? 0) > 1;
  const outlines = outlined(found, probe, face, label);
  return (
    <section class="half" aria-label={label} data-empty={!picture}>
      {picture instanceof File ? (
        <figure class="sent">
          <Boxed
            source={address}
            alt={picture.name}
            size={found ? [found.width, found.height] : (probe?.size ?? null)}
            outlines={outlines}
            choose={several ? choose : undefined}
            instead={said("search.undrawable")}
          />
          {several && <figcaption class="note">{said("compare.pick", { n: outlines.length })}</figcaption>}
        </figure>
      ) : picture ? (
        <Chip face={Number(picture.replace(/\D/g, ""))} side={256} alt={picture} />
      ) : (
        <p class="half-empty">
          <Icon name="face" size={40} />
          {said("compare.empty")}
        </p>
      )}
      <div class="actions">
        <ChooseButton take={take} label={said(picture ? "search.other" : "compare.choose")} several={false} main={!picture} />
        <CameraButton take={take} label={said("search.camera")} />
      </div>
    </section>
  );
}

/** All faces of a picture, the one that is compared chosen; that one alone until the others are found. */
function outlined(found: Detected | null, probe: Probe | null, face: number | null, label: string): Outline[] {
  if (!found) return probe?.box ? [{ key: 0, box: probe.box, label, chosen: true }] : [];
  const compared = String(probe?.box ?? "");
  return found.faces.map(({ box }, n) => ({
    key: n,
    box,
    label: said("search.face", { n: n + 1 }),
    chosen: face === null ? String(box) === compared : n === face,
  }));
}

function Shown({ verdict }: { verdict: Verdict }) {
  const { threshold, same } = verdict;
  const key = same === null ? "compare.unknown" : same ? "compare.same" : "compare.different";
  return (
    <section class="verdict" data-same={same}>
      <h2>{said(key)}</h2>
      {verdict.probability !== null && <p class="verdict-sure">{said("compare.probability", { p: probability(verdict.probability) })}</p>}
      <Gauge distance={verdict.distance} threshold={threshold} />
      <p class="note">
        {[
          `${said("distance")} ${distance(verdict.distance)}`,
          threshold !== null && said("basis.threshold", { at: distance(threshold), source: verdict.threshold_source }),
          verdict.model,
          verdict.prior !== null && said("basis.prior", { prior: verdict.prior }),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
    </section>
  );
}

/** Where the distance lies, from alike to unlike, beside the threshold. */
function Gauge({ distance: at, threshold }: { distance: number; threshold: number | null }) {
  const end = Math.max(1.4, at * 1.1, (threshold ?? 0) * 1.5);
  return (
    <div class="gauge" aria-hidden="true">
      <div class="gauge-line">
        {threshold !== null && <span class="gauge-below" style={{ width: `${(100 * threshold) / end}%` }} />}
        <span class="gauge-at" style={{ left: `${(100 * at) / end}%` }} />
      </div>
      <div class="gauge-words">
        <span>{said("compare.alike")}</span>
        <span>{said("compare.unlike")}</span>
      </div>
    </div>
  );
}

// Two pictures: one person or two?

import { useEffect, useMemo, useState } from "preact/hooks";
import { send } from "../api";
import { distance, probability } from "../format";
import { Boxed } from "../parts/Boxed";
import { Chip } from "../parts/Chip";
import { Icon } from "../parts/Icon";
import { CameraButton, ChooseButton, DropAnywhere } from "../parts/Pictures";
import { sentence } from "../state/app";
import { replaceQuery, route } from "../state/route";
import type { Probe, Verdict } from "../shapes";
import { said } from "../words";

type Side = "a" | "b";
type Picture = File | string | null; // a string is somebody of the gallery: 'face:12'

const SIDES: Side[] = ["a", "b"];

export function CompareView() {
  const [pictures, setPictures] = useState<Record<Side, Picture>>({ a: probeOf("a"), b: probeOf("b") });
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [problem, setProblem] = useState("");
  const { a, b } = pictures;
  useEffect(() => {
    setVerdict(null);
    setProblem("");
    if (!a || !b) return undefined;
    const stop = new AbortController();
    const parts: [string, Blob][] = [];
    const query: Record<string, string> = {};
    for (const side of SIDES) {
      const picture = pictures[side];
      if (picture instanceof File) parts.push([side, picture]);
      else if (picture) query[side] = picture;
    }
    send<Verdict>("/verify", parts, query, stop.signal).then(setVerdict, (error: unknown) => !stop.signal.aborted && setProblem(sentence(error)));
    return () => stop.abort();
  }, [a, b]);
  const put = (side: Side, picture: Picture): void => {
    if (typeof pictures[side] === "string") replaceQuery({ [side]: null });
    setPictures((before) => ({ ...before, [side]: picture }));
  };
  const take = (files: File[]): void => {
    const [first, second] = files;
    if (first && second) setPictures({ a: first, b: second });
    else if (first) put(!a ? "a" : "b", first);
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
          <Half key={side} side={side} picture={pictures[side]} probe={verdict?.[side] ?? null} put={(picture) => put(side, picture)} />
        ))}
      </div>
      <div role="status" aria-live="polite" class="verdict-place">
        {problem ? <p class="bad">{problem}</p> : verdict ? <Shown verdict={verdict} /> : a && b ? <p class="note">{said("compare.waiting")}</p> : null}
      </div>
    </div>
  );
}

function probeOf(side: Side): string | null {
  const text = route.value.query.get(side);
  return text && /^(face:\d+|#\d+)$/.test(text) ? text : null;
}

function Half({ side, picture, probe, put }: { side: Side; picture: Picture; probe: Probe | null; put: (picture: Picture) => void }) {
  const address = useMemo(() => (picture instanceof File ? URL.createObjectURL(picture) : ""), [picture]);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  const label = said(`compare.${side}`);
  const take = (files: File[]): void => put(files[0] ?? null);
  return (
    <section class="half" aria-label={label} data-empty={!picture}>
      {picture instanceof File ? (
        <Boxed
          source={address}
          alt={picture.name}
          size={probe?.size ?? null}
          outlines={probe?.box ? [{ key: 0, box: probe.box, label, chosen: true }] : []}
          instead={said("search.undrawable")}
        />
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

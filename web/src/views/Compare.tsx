// Two pictures side by side: whether they show the same person.

import { useEffect, useMemo, useState } from "preact/hooks";
import { send, type Query } from "../api";
import { Chip } from "../components/Chip";
import { FaceBoxes, type FaceBox } from "../components/FaceBoxes";
import { Icon } from "../components/Icon";
import { CameraButton, ChooseButton, DropAnywhere } from "../components/PictureInput";
import { distance, probability } from "../format";
import { errorMessage } from "../state/app";
import { replaceQuery, route } from "../state/route";
import type { DetectResponse, Probe, VerifyResponse } from "../types";
import { t } from "../words";
import { thresholdText } from "../words/server";

const SIDES = ["a", "b"] as const;
type Side = (typeof SIDES)[number];
type Picture = File | string | null; // a string is a face or person of the gallery: 'face:12', '#12'

interface Selection {
  picture: Picture;
  /** The number of the face in the picture; null: the largest. */
  face: number | null;
}

const withLargestFace = (picture: Picture): Selection => ({ picture, face: null });

export function CompareView() {
  const [sides, setSides] = useState<Record<Side, Selection>>({
    a: withLargestFace(probeInAddress("a")),
    b: withLargestFace(probeInAddress("b")),
  });
  const { verdict, problem } = useVerdict(sides);
  const setPicture = (side: Side, picture: Picture): void => {
    if (typeof sides[side].picture === "string") replaceQuery({ [side]: null });
    setSides((before) => ({ ...before, [side]: withLargestFace(picture) }));
  };
  const selectFace = (side: Side, face: number): void =>
    setSides((before) => ({ ...before, [side]: { ...before[side], face } }));
  const take = ([first, second]: File[]): void => {
    if (first && second) setSides({ a: withLargestFace(first), b: withLargestFace(second) });
    else if (first) setPicture(!sides.a.picture ? "a" : "b", first);
  };
  return (
    <div class="compare">
      <DropAnywhere take={take} hint={t("compare.drop")} />
      <header class="view-head">
        <h1>{t("compare.title")}</h1>
        <p class="note">{t("compare.note")}</p>
      </header>
      <div class="pair">
        {SIDES.map((side) => (
          <Half
            key={side}
            side={side}
            selection={sides[side]}
            probe={verdict?.[side] ?? null}
            setPicture={(picture) => setPicture(side, picture)}
            selectFace={(face) => selectFace(side, face)}
          />
        ))}
      </div>
      <div role="status" aria-live="polite" class="verdict-place">
        {problem ? (
          <p class="bad">{problem}</p>
        ) : verdict ? (
          <Verdict verdict={verdict} />
        ) : sides.a.picture && sides.b.picture ? (
          <p class="note">{t("compare.waiting")}</p>
        ) : null}
      </div>
    </div>
  );
}

function probeInAddress(side: Side): string | null {
  const name = route.value.query.get(side);
  return name && /^(face:\d+|#\d+)$/.test(name) ? name : null;
}

/** Compares the two sides once both have a picture. */
function useVerdict(sides: Record<Side, Selection>): { verdict: VerifyResponse | null; problem: string } {
  const [verdict, setVerdict] = useState<VerifyResponse | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    setVerdict(null);
    setProblem("");
    if (!sides.a.picture || !sides.b.picture) return undefined;
    const controller = new AbortController();
    const parts: [string, Blob][] = [];
    const query: Query = {};
    for (const side of SIDES) {
      const { picture, face } = sides[side];
      if (picture instanceof File) {
        parts.push([side, picture]);
        query[`${side}_face`] = face;
      } else query[side] = picture;
    }
    send<VerifyResponse>("/verify", parts, query, controller.signal).then(
      setVerdict,
      (error: unknown) => !controller.signal.aborted && setProblem(errorMessage(error)),
    );
    return () => controller.abort();
  }, [sides.a, sides.b]);
  return { verdict, problem };
}

/** The faces in a picture; null until they are found, or if it cannot be read: the verdict then says why. */
function useFaces(picture: Picture): DetectResponse | null {
  const [detected, setDetected] = useState<{ picture: Picture; response: DetectResponse } | null>(null);
  useEffect(() => {
    if (!(picture instanceof File)) return undefined;
    const controller = new AbortController();
    send<DetectResponse>("/detect", [["image", picture]], {}, controller.signal).then(
      (response) => setDetected({ picture, response }),
      () => {},
    );
    return () => controller.abort();
  }, [picture]);
  return detected?.picture === picture ? detected.response : null;
}

interface HalfProps {
  side: Side;
  selection: Selection;
  probe: Probe | null;
  setPicture: (picture: Picture) => void;
  selectFace: (face: number) => void;
}

function Half({ side, selection: { picture, face }, probe, setPicture, selectFace }: HalfProps) {
  const detected = useFaces(picture);
  const url = useMemo(() => (picture instanceof File ? URL.createObjectURL(picture) : ""), [picture]);
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  const label = t(`compare.${side}`);
  const take = (files: File[]): void => setPicture(files[0] ?? null);
  const boxes = faceBoxes(detected, probe, face, label);
  const several = (detected?.faces.length ?? 0) > 1;
  return (
    <section class="half" aria-label={label} data-empty={!picture}>
      {picture instanceof File ? (
        <figure class="picture-probe">
          <FaceBoxes
            source={url}
            alt={picture.name}
            size={detected ? [detected.width, detected.height] : (probe?.size ?? null)}
            boxes={boxes}
            select={several ? selectFace : undefined}
            fallback={t("search.nopreview")}
          />
          {several && <figcaption class="note">{t("compare.pick", { n: boxes.length })}</figcaption>}
        </figure>
      ) : picture ? (
        <Chip face={Number(picture.replace(/\D/g, ""))} side={256} alt={picture} />
      ) : (
        <p class="half-empty">
          <Icon name="face" size={40} />
          {t("compare.empty")}
        </p>
      )}
      <div class="actions">
        <ChooseButton
          take={take}
          label={t(picture ? "search.change" : "compare.choose")}
          several={false}
          main={!picture}
        />
        <CameraButton take={take} label={t("search.camera")} />
      </div>
    </section>
  );
}

/** All faces of a picture with the compared one selected; only that one until the others are detected. */
function faceBoxes(
  detected: DetectResponse | null,
  probe: Probe | null,
  face: number | null,
  label: string,
): FaceBox[] {
  if (!detected) return probe?.box ? [{ key: 0, box: probe.box, label, selected: true }] : [];
  const compared = String(probe?.box ?? "");
  return detected.faces.map(({ box }, n) => ({
    key: n,
    box,
    label: t("search.face", { n: n + 1 }),
    selected: face === null ? String(box) === compared : n === face,
  }));
}

function Verdict({ verdict }: { verdict: VerifyResponse }) {
  const { threshold, same, prior } = verdict;
  const title = same === null ? "compare.unknown" : same ? "compare.same" : "compare.different";
  const facts = [
    `${t("distance")} ${distance(verdict.distance)}`,
    threshold !== null && thresholdText(verdict),
    verdict.model,
    prior !== null && t("basis.prior", { prior }),
  ];
  return (
    <section class="verdict" data-same={same}>
      <h2>{t(title)}</h2>
      {verdict.probability !== null && (
        <p class="verdict-probability">{t("compare.probability", { p: probability(verdict.probability) })}</p>
      )}
      <Gauge distance={verdict.distance} threshold={threshold} />
      <p class="note">{facts.filter(Boolean).join(" · ")}</p>
    </section>
  );
}

/** The distance on a line from similar to different, beside the threshold. */
function Gauge({ distance: value, threshold }: { distance: number; threshold: number | null }) {
  const end = Math.max(1.4, value * 1.1, (threshold ?? 0) * 1.5);
  return (
    <div class="gauge" aria-hidden="true">
      <div class="gauge-line">
        {threshold !== null && <span class="gauge-below" style={{ width: `${(100 * threshold) / end}%` }} />}
        <span class="gauge-at" style={{ left: `${(100 * value) / end}%` }} />
      </div>
      <div class="gauge-words">
        <span>{t("compare.alike")}</span>
        <span>{t("compare.unlike")}</span>
      </div>
    </div>
  );
}

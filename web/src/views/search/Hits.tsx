// The right of a search: who it is, how sure that is, and the faces that are alike.

import { useCallback } from "preact/hooks";
import { distance, fileName, probability } from "../../format";
import { Chip } from "../../parts/Chip";
import { Icon } from "../../parts/Icon";
import { VirtualGrid, type Handle } from "../../parts/VirtualGrid";
import { answer, answers, apart, busy, chosen, cut, limit, more, nearest, notThis, shown, who } from "../../state/asking";
import { go, openPhoto } from "../../state/route";
import type { Match } from "../../shapes";
import { said } from "../../words";

export function Hits() {
  const matches = shown.value;
  const at = useCallback((item: number) => matches[item], [matches]);
  if (!answers.value) return <Waiting />;
  return (
    <div data-busy={busy.value}>
      <header class="answers-head">
        <Who />
        <p class="count" role="status" aria-live="polite">{summary(matches.length)}</p>
      </header>
      {matches.length ? (
        <VirtualGrid label={said("search.hits")} length={matches.length} at={at} least={136} below={64} keyOf={(match) => match.face.id} tile={hit} />
      ) : (
        <Nobody />
      )}
      {cut.value && (
        <p class="actions">
          <button type="button" onClick={more}>{said("search.more")}</button>
        </p>
      )}
      <Basis />
    </div>
  );
}

const hit = (match: Match, _: number, handle: Handle) => <Hit match={match} handle={handle} />;

function summary(n: number): string {
  if (nearest.value === null) return said("search.found.all", { n });
  return said("search.found", { n, at: distance(nearest.value) });
}

function Who() {
  const identity = who.value?.identities[chosen.value];
  if (!identity || apart.value) return null;
  if (!identity.match) return <p class="who who-nobody">{said("search.nobodyknown")}</p>;
  return (
    <p class="who">
      <a href={`#/people/${identity.match.person}`}>{identity.match.name}</a>
      {identity.match.probability !== null && <span class="sure">{probability(identity.match.probability)}</span>}
    </p>
  );
}

function Waiting() {
  return (
    <div class="waiting" role="status">
      <p class="unseen">{said("search.waiting")}</p>
      {Array.from({ length: 12 }, (_, n) => <span key={n} class="tile-empty" />)}
    </div>
  );
}

function Nobody() {
  const first = answer.value?.hits[0];
  if (!first) return <div class="empty"><Icon name="face" size={40} /><p>{said("search.none")}</p></div>;
  return (
    <div class="empty">
      <Icon name="face" size={40} />
      <p>{said("search.nobody", { at: distance(nearest.value), nearest: distance(first.distance) })}</p>
      <button type="button" onClick={() => (limit.value = Math.ceil(answer.value!.hits.at(-1)!.distance * 100 + 1) / 100)}>
        {said("search.anyway")}
      </button>
    </div>
  );
}

function Hit({ match, handle }: { match: Match; handle: Handle }) {
  const { face } = match;
  const below = answers.value?.info.threshold;
  const alike = below !== null && below !== undefined && match.distance < below;
  const label = said("hit.label", {
    rank: match.rank,
    name: face.name || (face.person === null ? said("nobody") : `#${face.person}`),
    distance: distance(match.distance),
    probability: match.probability === null ? said("unknown") : probability(match.probability),
  });
  return (
    <article class="tile hit" data-alike={alike}>
      <button type="button" class="tile-face" {...handle} aria-label={label} onClick={() => openPhoto(face.photo, face.id)}>
        <Chip face={face.id} />
      </button>
      <div class="tile-actions">
        <IconButton icon="search" label={said("hit.search")} tabIndex={handle.tabIndex} press={() => go(`#/search?probe=face:${face.id}`)} />
        <IconButton icon="away" label={said("hit.not")} tabIndex={handle.tabIndex} press={() => notThis(face)} />
      </div>
      <p class="tile-name clip" title={match.path}>{face.name || <span class="muted">{fileName(match.path)}</span>}</p>
      <p class="tile-numbers">
        <span title={said("distance")}>{distance(match.distance)}</span>
        {match.probability !== null && <span class="sure" title={said("probability")}>{probability(match.probability)}</span>}
      </p>
    </article>
  );
}

export function IconButton({ icon, label, press, tabIndex = 0 }: { icon: Parameters<typeof Icon>[0]["name"]; label: string; press: () => void; tabIndex?: number }) {
  return (
    <button type="button" class="round small" aria-label={label} title={label} tabIndex={tabIndex} onClick={press}>
      <Icon name={icon} size={16} />
    </button>
  );
}

function Basis() {
  const { info: basis } = answers.value!;
  const moved = answer.value?.hits[0]?.probability === null;
  const words = [
    said("basis.searched", { n: basis.searched }),
    `${basis.model}, ${said(basis.metric === "cosine" ? "metric.cosine" : "metric.euclidean")}`,
    basis.threshold !== null && said("basis.threshold", { at: distance(basis.threshold), source: basis.threshold_source }),
    basis.false_matches !== null && said("basis.false", { n: basis.false_matches.toPrecision(2) }),
    basis.prior !== null && said(moved ? "basis.moved" : "basis.prior", { prior: basis.prior }),
  ];
  return <p class="basis note">{words.filter(Boolean).join(" · ")}</p>;
}

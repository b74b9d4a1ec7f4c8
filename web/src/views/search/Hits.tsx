// The right side of a search: the identity, the hits and what the distances are based on.

import { useCallback } from "preact/hooks";
import { Chip } from "../../components/Chip";
import { Icon } from "../../components/Icon";
import { IconButton } from "../../components/IconButton";
import { VirtualGrid, type Handle } from "../../components/VirtualGrid";
import { distance, fileName, probability, roundNumber } from "../../format";
import { gallery } from "../../state/app";
import { navigate, openPhoto } from "../../state/route";
import {
  busy,
  exclude,
  hits,
  identities,
  loadMore,
  maxDistance,
  mayHaveMore,
  result,
  results,
  selected,
  showsLookalikes,
  sliderDistance,
} from "../../state/search";
import type { Hit } from "../../types";
import { language, t } from "../../words";
import { thresholdText } from "../../words/server";

export function Hits() {
  const shown = hits.value;
  const at = useCallback((item: number) => shown[item], [shown]);
  if (!results.value) return <Waiting />;
  return (
    <div data-busy={busy.value}>
      <header class="results-head">
        <Identity />
        <p class="count" role="status" aria-live="polite">
          {summary(shown.length)}
        </p>
      </header>
      {shown.length ? (
        <VirtualGrid
          label={t("search.hits")}
          length={shown.length}
          at={at}
          minWidth={136}
          below={64}
          keyOf={(hit) => hit.face.id}
          renderTile={renderHit}
        />
      ) : (
        <NoHits />
      )}
      {mayHaveMore.value && (
        <p class="actions">
          <button type="button" onClick={loadMore}>
            {t("search.more")}
          </button>
        </p>
      )}
      <Basis />
    </div>
  );
}

const renderHit = (hit: Hit, _: number, handle: Handle) => <HitTile hit={hit} handle={handle} />;

function summary(n: number): string {
  if (maxDistance.value === null) return t("search.found.all", { n });
  return t("search.found", { n, at: distance(maxDistance.value) });
}

/** The named person that the selected face most likely shows. */
function Identity() {
  const identity = identities.value?.identities[selected.value];
  if (!identity || showsLookalikes.value) return null;
  if (!identity.match) return <p class="identity identity-none">{t("search.noname")}</p>;
  return (
    <p class="identity">
      <a href={`#/people/${identity.match.person}`}>{identity.match.name}</a>
      {identity.match.probability !== null && (
        <span class="probability">{probability(identity.match.probability)}</span>
      )}
    </p>
  );
}

function Waiting() {
  return (
    <div class="waiting" role="status">
      <p class="visually-hidden">{t("search.waiting")}</p>
      {Array.from({ length: 12 }, (_, n) => (
        <span key={n} class="tile-empty" />
      ))}
    </div>
  );
}

function NoHits() {
  const all = result.value?.hits ?? [];
  const [nearest, farthest] = [all[0], all.at(-1)];
  if (!nearest || !farthest) {
    return (
      <div class="empty">
        <Icon name="face" size={40} />
        <p>{t(gallery.value?.faces ? "search.none.filtered" : "search.none")}</p>
      </div>
    );
  }
  const showAll = (): void => {
    sliderDistance.value = Math.ceil(farthest.distance * 100 + 1) / 100;
  };
  return (
    <div class="empty">
      <Icon name="face" size={40} />
      <p>{t("search.nohits", { at: distance(maxDistance.value), nearest: distance(nearest.distance) })}</p>
      <button type="button" onClick={showAll}>
        {t("search.anyway")}
      </button>
    </div>
  );
}

function HitTile({ hit, handle }: { hit: Hit; handle: Handle }) {
  const { face } = hit;
  const threshold = results.value?.info.threshold ?? null;
  const label = t("hit.label", {
    rank: hit.rank,
    name: face.name || (face.person === null ? t("unassigned") : `#${face.person}`),
    distance: distance(hit.distance),
    probability: hit.probability === null ? t("unknown") : probability(hit.probability),
  });
  return (
    <article class="tile hit" data-match={threshold !== null && hit.distance < threshold}>
      <button
        type="button"
        class="tile-face"
        {...handle}
        aria-label={label}
        onClick={() => openPhoto(face.photo, face.id)}
      >
        <Chip face={face.id} />
      </button>
      <div class="tile-actions">
        <IconButton
          icon="search"
          label={t("hit.search")}
          tabIndex={handle.tabIndex}
          press={() => navigate(`#/search?probe=face:${face.id}`)}
        />
        <IconButton icon="exclude" label={t("hit.exclude")} tabIndex={handle.tabIndex} press={() => exclude(face)} />
      </div>
      <p class="tile-name clip" title={hit.path}>
        {face.name || <span class="muted">{fileName(hit.path)}</span>}
      </p>
      <p class="tile-numbers">
        <span title={t("distance")}>{distance(hit.distance)}</span>
        {hit.probability !== null && (
          <span class="probability" title={t("probability")}>
            {probability(hit.probability)}
          </span>
        )}
      </p>
    </article>
  );
}

function Basis() {
  const { info } = results.value!;
  const noProbability = result.value?.hits[0]?.probability === null;
  const parts = [
    t("basis.searched", { n: info.searched }),
    `${info.model} · ${t(info.metric === "cosine" ? "metric.cosine" : "metric.euclidean")}`,
    info.threshold !== null && thresholdText(info),
    info.false_matches !== null && t("basis.false", { n: roundNumber(info.false_matches, language.value) }),
    info.prior !== null && t(noProbability ? "basis.excluded" : "basis.prior", { prior: info.prior }),
  ];
  return <p class="basis note">{parts.filter(Boolean).join(" · ")}</p>;
}

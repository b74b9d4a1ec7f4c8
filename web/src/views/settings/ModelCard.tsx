import { useEffect, useState } from "preact/hooks";
import { get } from "../../api";
import { gallery, reportError } from "../../state/app";
import type { Model } from "../../types";
import { t } from "../../words";
import { cardText } from "../../words/server";

/** The fields of a card that people want to know; the rest is for programs. */
const FIELDS = [
  "title",
  "dimension",
  "metric",
  "threshold",
  "threshold_source",
  "calibration",
  "commercial",
  "weights_licence",
  "data_licence",
  "origin",
  "note",
] as const;

/** The card of the gallery's model. */
export function ModelCard() {
  const [card, setCard] = useState<Model | null>(null);
  const name = gallery.value?.model;
  useEffect(() => {
    if (!name) return undefined;
    const controller = new AbortController();
    get<Model>(`/models/${encodeURIComponent(name)}`, {}, controller.signal).then(
      setCard,
      (error: unknown) => !controller.signal.aborted && reportError(error),
    );
    return () => controller.abort();
  }, [name]);
  return (
    <section>
      <h2>
        {t("settings.model")} <span class="muted">{name}</span>
      </h2>
      {card && (
        <dl class="facts wide">
          {FIELDS.map((field) => {
            const text = cardText(field, card);
            return (
              text && (
                <div key={field}>
                  <dt>{t(`card.${field}`)}</dt>
                  <dd>{text}</dd>
                </div>
              )
            );
          })}
        </dl>
      )}
    </section>
  );
}

// Texts for what the server reports as codes and fields.

import { distance } from "../format";
import type { JournalChange, JournalEntry, Model, Photo, ResultInfo } from "../types";
import { joinList, language, lookup, t, type Values } from ".";
import { cardsJa } from "./cards.ja";

/** Whether the photo was read but has no face. */
export const isWithoutFace = (photo: Photo): boolean => photo.problem_code === "no-face";

/** Why the photo has no faces. */
export function photoProblem(photo: Photo): string {
  return photo.problem_code && !isWithoutFace(photo) ? t("error.unreadable-photo") : t("photo.noface");
}

/** The threshold in use and where it comes from. */
export function thresholdText(
  info: Pick<ResultInfo, "threshold" | "threshold_kind" | "threshold_source" | "model">,
): string {
  const text = t("basis.threshold", { at: distance(info.threshold) });
  const source = thresholdSource(info);
  return source ? t("basis.source", { text, source }) : text;
}

function thresholdSource(info: Pick<ResultInfo, "threshold_kind" | "threshold_source" | "model">): string {
  if (info.threshold_kind !== "model") return lookup(`source.${info.threshold_kind}`) ?? "";
  if (language.value === "en") return info.threshold_source;
  return cardsJa[info.model]?.threshold_source ?? t("source.model");
}

/** A field of a model card; empty if the card does not have it. */
export function cardText(field: string, card: Model): string {
  const value = (card as Record<string, unknown>)[field];
  if (field === "metric") return t(value === "cosine" ? "metric.cosine" : "metric.euclidean");
  if (field === "commercial")
    return t(`commercial.${value === "allowed" || value === "forbidden" ? value : "unclear"}`);
  const text = field === "calibration" ? (value as { source?: string } | null)?.source : value;
  if (typeof text !== "string" && typeof text !== "number") return "";
  const translated = language.value === "ja" && card.builtin && text ? cardsJa[card.name]?.[field] : undefined;
  return translated ?? String(text);
}

/** What an entry of the journal did. */
export function journalText(entry: JournalEntry): string {
  const verb = lookup(`verb.${entry.verb}`) ?? entry.verb;
  const changes = joinList(entry.changes.map(changeText));
  return changes ? t("journal.text", { verb, changes }) : verb;
}

function changeText({ kind, values }: JournalChange): string {
  const faces = values["faces"];
  const texts: Values = typeof faces === "number" ? { ...values, faces: t("count.faces", { n: faces }) } : values;
  return lookup(`change.${kind}`, texts) ?? kind;
}

// Texts for what the server reports as codes and fields.

import { distance } from "../format";
import type { JournalEntry, Model, Photo } from "../types";
import { lookup, t } from ".";

const NO_FACE = "no face found";

/** Whether the photo was read but has no face. */
export const isWithoutFace = (photo: Photo): boolean => photo.problem === NO_FACE;

/** Why the photo has no faces. */
export function photoProblem(photo: Photo): string {
  return photo.problem && !isWithoutFace(photo) ? photo.problem : t("photo.noface");
}

/** The threshold and where it was measured. */
export function thresholdText(threshold: number, source: string): string {
  const text = t("basis.threshold", { at: distance(threshold) });
  return source ? t("basis.source", { text, source }) : text;
}

/** A field of a model card; empty if the card does not have it. */
export function cardText(field: string, card: Model): string {
  const value = (card as Record<string, unknown>)[field];
  if (field === "metric") return t(value === "cosine" ? "metric.cosine" : "metric.euclidean");
  if (field === "commercial")
    return t(`commercial.${value === "allowed" || value === "forbidden" ? value : "unclear"}`);
  if (field === "calibration") return (value as { source?: string } | null)?.source ?? "";
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** What an entry of the journal did. */
export function journalText(entry: JournalEntry): string {
  const verb = lookup(`verb.${entry.verb}`) ?? entry.verb;
  return entry.detail ? t("journal.text", { verb, changes: entry.detail }) : verb;
}

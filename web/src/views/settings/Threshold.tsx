import { useEffect, useState } from "preact/hooks";
import { get, put } from "../../api";
import { distance } from "../../format";
import { gallery, notify, refreshGallery, reportError } from "../../state/app";
import type { Settings } from "../../types";
import { t } from "../../words";

/** Sets the gallery's own threshold, or goes back to the model's. */
export function Threshold() {
  const [text, setText] = useState("");
  const [own, setOwn] = useState<number | null>(null);
  const show = (threshold: number | null): void => {
    setOwn(threshold);
    setText(threshold === null ? "" : String(threshold));
  };
  useEffect(() => {
    get<Settings>("/settings").then(({ threshold }) => show(threshold ?? null), reportError);
  }, []);
  const save = async (threshold: number | null): Promise<void> => {
    try {
      await put("/settings", { threshold });
      show(threshold);
      notify(threshold === null ? t("threshold.reset") : t("threshold.set", { at: distance(threshold) }));
      await refreshGallery();
    } catch (error) {
      reportError(error);
    }
  };
  const value = Number(text.replace(",", "."));
  return (
    <section>
      <h2>{t("settings.threshold")}</h2>
      <p class="note">{t("threshold.note")}</p>
      <form
        class="row wrap"
        onSubmit={(event) => {
          event.preventDefault();
          void save(value);
        }}
      >
        <label for="threshold" class="visually-hidden">
          {t("settings.threshold")}
        </label>
        <input
          id="threshold"
          type="text"
          inputMode="decimal"
          class="short"
          placeholder={distance(gallery.value?.threshold ?? null)}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" disabled={!(value > 0)}>
          {t("threshold.save")}
        </button>
        {own !== null && (
          <button type="button" class="quiet" onClick={() => void save(null)}>
            {t("threshold.default")}
          </button>
        )}
      </form>
    </section>
  );
}

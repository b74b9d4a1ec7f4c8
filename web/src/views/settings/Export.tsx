import { useState } from "preact/hooks";
import { address } from "../../api";
import { t } from "../../words";

const FORMATS = ["parquet", "csv", "npz", "jsonl"] as const;

export function Export() {
  const [format, setFormat] = useState<string>(FORMATS[0]);
  return (
    <section>
      <h2>{t("settings.export")}</h2>
      <p class="note">{t("export.note")}</p>
      <div class="row wrap">
        <label class="select">
          <span class="visually-hidden">{t("export.format")}</span>
          <select value={format} onChange={(event) => setFormat(event.currentTarget.value)}>
            {FORMATS.map((name) => (
              <option key={name} value={name}>
                {t(`export.${name}`)}
              </option>
            ))}
          </select>
        </label>
        <a class="button" href={address("/export", { format })} download={`faces.${format}`}>
          {t("export.download")}
        </a>
      </div>
    </section>
  );
}

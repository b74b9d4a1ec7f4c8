// Appearance, the gallery, its model, threshold, export, journal, and deleting a person's data.

import { remove } from "../api";
import { GroupButton } from "../components/GroupButton";
import {
  canAdmin,
  canWrite,
  gallery,
  reportError,
  session,
  signedOut,
  start,
  theme,
  THEMES,
  type Theme,
} from "../state/app";
import { language, setLanguage, t, type MessageKey } from "../words";
import { DeletePerson } from "./settings/DeletePerson";
import { Export } from "./settings/Export";
import { Journal } from "./settings/Journal";
import { ModelCard } from "./settings/ModelCard";
import { Threshold } from "./settings/Threshold";

export function SettingsView() {
  return (
    <div class="settings">
      <header class="view-head">
        <h1>{t("settings.title")}</h1>
      </header>
      <Appearance />
      <GalleryFacts />
      <ModelCard />
      {canAdmin.value && <Threshold />}
      {canAdmin.value && <Export />}
      <Journal />
      {canAdmin.value && <DeletePerson />}
      {session.value?.keys && <AccessKey />}
      <p class="note">
        nitakao {session.value?.version} · <a href="/LICENSES">{t("settings.licences")}</a> ·{" "}
        <a href="/api/v1/openapi.json">OpenAPI</a>
      </p>
    </div>
  );
}

function Appearance() {
  return (
    <section>
      <h2>{t("settings.appearance")}</h2>
      <div class="row wrap">
        <label class="select">
          <span class="label">{t("settings.language")}</span>
          <select
            value={language.value}
            onChange={(event) => setLanguage(event.currentTarget.value === "ja" ? "ja" : "en")}
          >
            <option value="en" lang="en">
              English
            </option>
            <option value="ja" lang="ja">
              日本語
            </option>
          </select>
        </label>
        <label class="select">
          <span class="label">{t("settings.theme")}</span>
          <select
            value={theme.value}
            onChange={(event) => {
              theme.value = event.currentTarget.value as Theme;
            }}
          >
            {THEMES.map((name) => (
              <option key={name} value={name}>
                {t(`theme.${name}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
    </section>
  );
}

function GalleryFacts() {
  const counts = gallery.value;
  if (!counts) return null;
  const facts: [MessageKey, string | number][] = [
    ["fact.where", counts.where],
    ["fact.faces", counts.faces],
    ["fact.photos", counts.photos],
    ["fact.videos", counts.videos],
    ["fact.people", t("fact.people.of", { n: counts.people, named: counts.named })],
    ["fact.unassigned", counts.unassigned],
    ["fact.reviews", counts.reviews],
    ["fact.problems", counts.problems],
  ];
  return (
    <section>
      <h2>{t("settings.gallery")}</h2>
      <dl class="facts wide">
        {facts.map(([key, value]) => (
          <div key={key}>
            <dt>{t(key)}</dt>
            <dd class={key === "fact.where" ? "path" : ""}>
              {typeof value === "number" ? new Intl.NumberFormat(language.value).format(value) : value}
            </dd>
          </div>
        ))}
      </dl>
      {canWrite.value && (
        <div class="actions">
          <GroupButton />
          <span class="note">{t("people.group.note")}</span>
        </div>
      )}
    </section>
  );
}

function AccessKey() {
  const signOut = async (): Promise<void> => {
    await remove("/session").catch(reportError);
    session.value = null;
    signedOut.value = true;
    await start();
  };
  return (
    <section>
      <h2>{t("settings.key")}</h2>
      <div class="row wrap">
        <span>{t(`role.${session.value!.role ?? "read"}`)}</span>
        <button type="button" onClick={() => void signOut()}>
          {t("key.leave")}
        </button>
      </div>
    </section>
  );
}

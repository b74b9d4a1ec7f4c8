// The buttons for language and theme.

import { theme, type Theme } from "../state/app";
import { language, setLanguage, t } from "../words";
import { Icon, type IconName } from "./Icon";

export function LanguageButton() {
  const other = language.value === "en" ? "ja" : "en";
  return (
    <button type="button" class="quiet" lang={other} onClick={() => setLanguage(other)}>
      {other === "ja" ? "日本語" : "English"}
    </button>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICONS: Record<Theme, IconName> = { system: "half", light: "sun", dark: "moon" };

export function ThemeButton() {
  const current = theme.value;
  const label = t("theme.button", { name: t(`theme.${current}`) });
  const press = (): void => {
    theme.value = NEXT[current];
  };
  return (
    <button type="button" class="quiet round" aria-label={label} title={label} onClick={press}>
      <Icon name={ICONS[current]} />
    </button>
  );
}

// The two switches that are always at hand: language, and light or dark.

import { theme, type Theme } from "../state/app";
import { language, said, speak } from "../words";
import { Icon, type IconName } from "./Icon";

export function LanguageButton() {
  const other = language.value === "en" ? "ja" : "en";
  return (
    <button type="button" class="quiet" lang={other} onClick={() => speak(other)}>
      {other === "ja" ? "日本語" : "English"}
    </button>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICONS: Record<Theme, IconName> = { system: "half", light: "sun", dark: "moon" };

export function ThemeButton() {
  const now = theme.value;
  const label = said(`theme.${now}`);
  return (
    <button type="button" class="quiet round" aria-label={label} title={label} onClick={() => (theme.value = NEXT[now])}>
      <Icon name={ICONS[now]} />
    </button>
  );
}

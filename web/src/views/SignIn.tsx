// The sign-in form, shown if the server needs an access key.

import { useState } from "preact/hooks";
import { post } from "../api";
import { LanguageButton, ThemeButton } from "../components/Switches";
import { errorMessage, signedOut, start } from "../state/app";
import { t } from "../words";

export function SignIn() {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState("");
  const signIn = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      await post("/session", { key: key.trim() });
      signedOut.value = false;
      await start();
    } catch (error) {
      setProblem(errorMessage(error));
    }
  };
  return (
    <main id="main" class="sign-in">
      <form onSubmit={(event) => void signIn(event)}>
        <h1 class="logo">
          <span lang="ja">似た顔</span>
          <small>nitakao</small>
        </h1>
        <label>
          {t("key.label")}
          <input
            type="password"
            name="key"
            autocomplete="current-password"
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        {problem && (
          <p class="bad" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="main" disabled={!key.trim()}>
          {t("key.enter")}
        </button>
        <p class="note">{t("key.note")}</p>
      </form>
      <div class="switches">
        <LanguageButton />
        <ThemeButton />
      </div>
    </main>
  );
}

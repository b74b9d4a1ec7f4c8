// Asks for a key, where the server wants one.

import { useState } from "preact/hooks";
import { post } from "../api";
import { LanguageButton, ThemeButton } from "../parts/Switches";
import { begin, sentence, signedOut } from "../state/app";
import { said } from "../words";

export function SignIn() {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState("");
  const enter = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      await post("/session", { key: key.trim() });
      signedOut.value = false;
      await begin();
    } catch (error) {
      setProblem(sentence(error));
    }
  };
  return (
    <main id="main" class="sign-in">
      <form onSubmit={(event) => void enter(event)}>
        <h1 class="mark">
          <span lang="ja">似た顔</span>
          <small>nitakao</small>
        </h1>
        <label>
          {said("key.label")}
          <input type="password" name="key" autocomplete="current-password" required value={key} onInput={(event) => setKey(event.currentTarget.value)} />
        </label>
        {problem && <p class="bad" role="alert">{problem}</p>}
        <button type="submit" class="main" disabled={!key.trim()}>
          {said("key.enter")}
        </button>
        <p class="note">{said("key.note")}</p>
      </form>
      <div class="switches">
        <LanguageButton />
        <ThemeButton />
      </div>
    </main>
  );
}

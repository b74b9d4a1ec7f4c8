import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../components/Icon";
import { time } from "../../format";
import { canWrite } from "../../state/app";
import { jobsFinished } from "../../state/jobs";
import { pagedList } from "../../state/pagedList";
import { peopleVersion, undo } from "../../state/people";
import type { JournalEntry } from "../../types";
import { language, t } from "../../words";
import { journalText } from "../../words/server";

const FIRST = 12; // entries shown at first
const MORE = 50; // entries added by "Show more"

const loadJournal = () => pagedList<JournalEntry>("/journal", "entries", {});

/** All changes of people, newest first, each with an undo button. */
export function Journal() {
  const [shown, setShown] = useState(FIRST);
  const [list, setList] = useState(loadJournal);
  useEffect(() => setList(loadJournal()), [peopleVersion.value, jobsFinished.value]);
  useEffect(() => list.loadUntil(shown + 1), [list, shown]);
  void list.version.value;
  const entries = list.items.slice(0, shown);
  return (
    <section>
      <h2>{t("settings.journal")}</h2>
      {list.version.value > 0 && !entries.length && <p class="note">{t("journal.none")}</p>}
      <ol class="journal" role="list">
        {entries.map((entry) => (
          <li key={entry.id} data-undone={entry.undone}>
            <span class="journal-text">{journalText(entry)}</span>
            <span class="note">{[time(entry.at, language.value), entry.who].filter(Boolean).join(" · ")}</span>
            {entry.undone ? (
              <span class="note">{t("journal.undone")}</span>
            ) : (
              canWrite.value && <UndoButton entry={entry.id} />
            )}
          </li>
        ))}
      </ol>
      {list.items.length > shown && (
        <button type="button" onClick={() => setShown(shown + MORE)}>
          {t("more")}
        </button>
      )}
    </section>
  );
}

function UndoButton({ entry }: { entry: number }) {
  return (
    <button
      type="button"
      class="quiet"
      aria-label={t("journal.undo", { n: String(entry) })}
      onClick={() => void undo(entry)}
    >
      <Icon name="undo" size={16} />
      {t("undo")}
    </button>
  );
}

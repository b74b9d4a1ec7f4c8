import { useEffect, useState } from "preact/hooks";
import { get, post } from "../../api";
import { Chip } from "../../components/Chip";
import { PersonField } from "../../components/PersonField";
import { notify, reportError } from "../../state/app";
import { displayName, peopleChanged } from "../../state/people";
import { route } from "../../state/route";
import type { Person } from "../../types";
import { t } from "../../words";

/** Deletes a person's data for good, once their name is typed. */
export function DeletePerson() {
  const id = route.value.query.get("forget");
  const [person, setPerson] = useState<Person | null>(null);
  useEffect(() => {
    if (id) get<Person>(`/people/${id}`).then(setPerson, reportError);
  }, [id]);
  useEffect(() => {
    if (id && person) document.getElementById("forget")?.scrollIntoView({ block: "center" });
  }, [id, person]);
  return (
    <section id="forget" class="danger">
      <h2>{t("settings.forget")}</h2>
      <p class="note">{t("forget.note")}</p>
      {person ? (
        <Confirmation key={person.id} person={person} close={() => setPerson(null)} />
      ) : (
        <PersonField label={t("forget.who")} pick={setPerson} />
      )}
    </section>
  );
}

function Confirmation({ person, close }: { person: Person; close: () => void }) {
  const [typed, setTyped] = useState("");
  const [tombstone, setTombstone] = useState(false);
  const [busy, setBusy] = useState(false);
  const name = displayName(person);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await post("/forget", { person: person.id, confirm: typed, tombstone });
      notify(t("forget.done", { name }));
      close();
      peopleChanged();
    } catch (error) {
      reportError(error);
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <p class="person-line small-line">
        <Chip face={person.cover} side={96} />
        <span>
          <strong>{name}</strong>
          <small class="note">{t("count.faces", { n: person.faces })}</small>
        </span>
      </p>
      <label>
        {t("forget.type", { name })}
        <input
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <label class="switch">
        <input type="checkbox" role="switch" checked={tombstone} onChange={() => setTombstone(!tombstone)} />
        <span>
          {t("forget.tombstone")}
          <small>{t("forget.tombstone.note")}</small>
        </span>
      </label>
      <div class="actions">
        <button type="submit" class="destructive" disabled={typed !== name || busy}>
          {t("forget.do")}
        </button>
        <button type="button" class="quiet" onClick={close}>
          {t("cancel")}
        </button>
      </div>
    </form>
  );
}

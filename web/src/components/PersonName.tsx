// A person's name, which becomes a text field when it is pressed.

import { useState } from "preact/hooks";
import { displayName, merge, rename } from "../state/people";
import { navigate } from "../state/route";
import type { Person } from "../types";
import { t } from "../words";
import { PersonField } from "./PersonField";

interface Props {
  person: Person;
  editable: boolean;
  /** On the person's own view: a merge leads to the other person's view. */
  large?: boolean;
  tabIndex?: number;
}

export function PersonName({ person, editable, large = false, tabIndex = 0 }: Props) {
  const [editing, setEditing] = useState(false);
  if (!editable) return <p class="tile-name clip">{displayName(person)}</p>;
  if (!editing) {
    return (
      <button
        type="button"
        class={large ? "name name-large" : "name clip"}
        tabIndex={tabIndex}
        title={t("person.name")}
        onClick={() => setEditing(true)}
      >
        {person.name || <span class="muted">{t(large ? "person.noname" : "person.addname")}</span>}
      </button>
    );
  }
  const stopEditing = (): void => setEditing(false);
  return (
    <PersonField
      label={t("person.name")}
      value={person.name}
      autoFocus
      exclude={[person.id]}
      pick={(other) => {
        stopEditing();
        void merge(other, [person.id]).then((merged) => merged && large && navigate(`#/people/${other.id}`));
      }}
      enterName={(name) => {
        stopEditing();
        void rename(person, name);
      }}
      cancel={stopEditing}
    />
  );
}

// One person in the list: the best shot, the name to be written in place, and something to drag.

import { useState } from "preact/hooks";
import { Chip } from "../../parts/Chip";
import { Icon } from "../../parts/Icon";
import { PersonField } from "../../parts/PersonField";
import type { Handle } from "../../parts/VirtualGrid";
import { mayWrite } from "../../state/app";
import { called, merge, name } from "../../state/correcting";
import { go } from "../../state/route";
import type { Person } from "../../shapes";
import { said } from "../../words";
import { mergeByNumber } from "../People";

const DRAGGED = "application/x-nitakao-person";

interface Props {
  person: Person;
  handle: Handle;
  chosen: boolean;
  choosing: boolean;
  pick: (person: Person) => void;
}

export function PersonTile({ person, handle, chosen, choosing, pick }: Props) {
  const [over, setOver] = useState(false);
  const may = mayWrite.value;
  const carries = (event: DragEvent): boolean => event.dataTransfer?.types.includes(DRAGGED) ?? false;
  return (
    <article
      class="tile person"
      data-chosen={chosen}
      data-over={over}
      draggable={may}
      onDragStart={(event) => {
        event.dataTransfer?.setData(DRAGGED, String(person.id));
        if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
      }}
      onDragOver={(event) => {
        if (!carries(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        if (!carries(event)) return;
        event.preventDefault();
        void mergeByNumber(person, Number(event.dataTransfer!.getData(DRAGGED)));
      }}
    >
      <button
        type="button"
        class="tile-face"
        {...handle}
        aria-label={said("person.open", { name: called(person), n: person.faces })}
        onClick={() => (choosing ? pick(person) : go(`#/people/${person.id}`))}
        onKeyDown={(event) => {
          if (event.key !== " " || !may) return;
          event.preventDefault();
          pick(person);
        }}
      >
        <Chip face={person.cover} />
      </button>
      {may && (
        <label class="pick">
          <input type="checkbox" checked={chosen} tabIndex={handle.tabIndex} aria-label={said("choose", { name: called(person) })} onChange={() => pick(person)} />
          <Icon name="check" size={14} />
        </label>
      )}
      <Name person={person} tabIndex={handle.tabIndex} may={may} />
      <p class="tile-numbers">{said("count.faces", { n: person.faces })}</p>
    </article>
  );
}

/** The name, which becomes a field when it is pressed. */
export function Name({ person, tabIndex = 0, may, large = false }: { person: Person; tabIndex?: number; may: boolean; large?: boolean }) {
  const [editing, setEditing] = useState(false);
  if (!may) return <p class="tile-name clip">{called(person)}</p>;
  if (!editing) {
    return (
      <button type="button" class={large ? "name name-large" : "name clip"} tabIndex={tabIndex} title={said("person.name")} onClick={() => setEditing(true)}>
        {person.name || <span class="muted">{large ? said("person.noname") : said("person.addname")}</span>}
      </button>
    );
  }
  const leave = (): void => setEditing(false);
  return (
    <PersonField
      label={said("person.name")}
      value={person.name}
      autoFocus
      without={[person.id]}
      pick={(other) => {
        leave();
        void merge(other, [person.id]).then((done) => done && large && go(`#/people/${other.id}`));
      }}
      type={(text) => {
        leave();
        void name(person, text);
      }}
      cancel={leave}
    />
  );
}

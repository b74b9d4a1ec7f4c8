// One person in the list: the cover, the name, and a handle to drag onto another person.

import { useState } from "preact/hooks";
import { Chip } from "../../components/Chip";
import { Icon } from "../../components/Icon";
import { PersonName } from "../../components/PersonName";
import type { Handle } from "../../components/VirtualGrid";
import { canWrite } from "../../state/app";
import { displayName, mergeByNumber } from "../../state/people";
import { navigate } from "../../state/route";
import type { Person } from "../../types";
import { t } from "../../words";

const PERSON_TYPE = "application/x-nitakao-person";

interface Props {
  person: Person;
  handle: Handle;
  selected: boolean;
  /** Whether any person is selected: then a click selects instead of opening. */
  selecting: boolean;
  toggle: (person: Person) => void;
}

export function PersonTile({ person, handle, selected, selecting, toggle }: Props) {
  const editable = canWrite.value;
  const { over, ...dragHandlers } = useMergeByDrag(person);
  return (
    <article class="tile person" data-selected={selected} data-over={over} draggable={editable} {...dragHandlers}>
      <button
        type="button"
        class="tile-face"
        {...handle}
        aria-label={t("person.open", { name: displayName(person), n: person.faces })}
        onClick={() => (selecting ? toggle(person) : navigate(`#/people/${person.id}`))}
        onKeyDown={(event) => {
          if (event.key !== " " || !editable) return;
          event.preventDefault();
          toggle(person);
        }}
      >
        <Chip face={person.cover} />
      </button>
      {editable && (
        <label class="pick">
          <input
            type="checkbox"
            checked={selected}
            tabIndex={handle.tabIndex}
            aria-label={t("select", { name: displayName(person) })}
            onChange={() => toggle(person)}
          />
          <Icon name="check" size={14} />
        </label>
      )}
      <PersonName person={person} editable={editable} tabIndex={handle.tabIndex} />
      <p class="tile-numbers">{t("count.faces", { n: person.faces })}</p>
    </article>
  );
}

/** Handlers that merge a person who is dropped onto this one. over: whether one is dragged over it. */
function useMergeByDrag(person: Person) {
  const [over, setOver] = useState(false);
  const carriesPerson = (event: DragEvent): boolean => event.dataTransfer?.types.includes(PERSON_TYPE) ?? false;
  return {
    over,
    onDragStart: (event: DragEvent): void => {
      event.dataTransfer?.setData(PERSON_TYPE, String(person.id));
      if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
    },
    onDragOver: (event: DragEvent): void => {
      if (!carriesPerson(event)) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: (): void => setOver(false),
    onDrop: (event: DragEvent): void => {
      setOver(false);
      if (!carriesPerson(event)) return;
      event.preventDefault();
      void mergeByNumber(person, Number(event.dataTransfer!.getData(PERSON_TYPE)));
    },
  };
}

// A field for a person: names are proposed while typing.

import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { get } from "../api";
import type { Person } from "../shapes";
import { said } from "../words";
import { Chip } from "./Chip";

interface Props {
  label: string;
  placeholder?: string;
  /** The text to begin with. */
  value?: string;
  autoFocus?: boolean;
  /** Somebody who is in the gallery was taken. */
  pick: (person: Person) => void;
  /** A name was typed that was not taken from the proposals; without it only proposals can be taken. */
  type?: (name: string) => void;
  cancel?: () => void;
  /** Who is not proposed. */
  without?: number[];
}

const WAIT = 120; // ms after the last key before names are asked for

export function PersonField({ label, placeholder, value = "", autoFocus = false, pick, type, cancel, without = [] }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [found, setFound] = useState<Person[]>([]);
  const [active, setActive] = useState(-1);
  const [open, setOpen] = useState(false);
  const done = useRef(false);

  useEffect(() => {
    if (autoFocus) {
      input.current!.focus();
      input.current!.select();
    }
  }, []);

  useEffect(() => {
    if (!open) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      get<{ people: Person[] }>("/people", { named: true, q: text.trim(), limit: 8 }, stop.signal)
        .then((answer) => {
          setFound(answer.people.filter((person) => !without.includes(person.id)));
          setActive(-1);
        })
        .catch(() => {});
    }, WAIT);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, open]);

  const finish = (how: () => void): void => {
    done.current = true;
    setOpen(false);
    setFound([]);
    how();
    if (!value) setText("");
    queueMicrotask(() => {
      done.current = false;
    });
  };
  const take = (person: Person): void => finish(() => pick(person));
  const enter = (): void => {
    const name = text.trim();
    const chosen = found[active] ?? found.find((person) => person.name === name);
    if (chosen) take(chosen);
    else if (type && name && name !== value) finish(() => type(name));
    else if (type) finish(() => cancel?.());
    else if (found[0] && name) take(found[0]);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    if (event.isComposing) return; // Enter that ends a conversion from kana is not an answer
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setActive(Math.min(Math.max(active + step, -1), found.length - 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      enter();
    } else if (event.key === "Escape" && (open || cancel)) {
      event.preventDefault();
      finish(() => cancel?.());
    }
  };
  const listed = open && found.length > 0;

  return (
    <div class="person-field">
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded={listed}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={listed && active >= 0 ? `${id}-${active}` : undefined}
        autocomplete="off"
        spellcheck={false}
        maxLength={200}
        placeholder={placeholder ?? label}
        value={text}
        onFocus={() => setOpen(true)}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setOpen(true);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => {
          if (done.current) return;
          setOpen(false);
          if (cancel) finish(cancel);
        }}
      />
      <ul class="proposals" role="listbox" id={`${id}-list`} aria-label={said("field.proposals")} hidden={!listed}>
        {found.map((person, place) => (
          <li
            key={person.id}
            id={`${id}-${place}`}
            role="option"
            aria-selected={place === active}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => take(person)}
          >
            <Chip face={person.cover} side={96} />
            <span class="clip">{person.name}</span>
            <small>{said("count.faces", { n: person.faces })}</small>
          </li>
        ))}
      </ul>
    </div>
  );
}

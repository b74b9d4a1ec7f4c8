// A text field for a person, with suggestions from the gallery's names.

import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { get } from "../api";
import type { Person } from "../types";
import { t } from "../words";
import { Chip } from "./Chip";

interface Props {
  label: string;
  placeholder?: string;
  value?: string;
  autoFocus?: boolean;
  /** Called with a suggested person. */
  pick: (person: Person) => void;
  /** Called with a name that is not a suggestion; without it only suggestions are accepted. */
  enterName?: (name: string) => void;
  cancel?: () => void;
  /** Ids of people who are not suggested. */
  exclude?: number[];
}

const DELAY = 120; // ms after the last key before names are fetched
const MAX_SUGGESTIONS = 8;

export function PersonField(props: Props) {
  const { label, placeholder, value = "", autoFocus = false, pick, enterName, cancel, exclude = [] } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [suggestions, setSuggestions] = useState<Person[]>([]);
  const [active, setActive] = useState(-1);
  const [open, setOpen] = useState(false);
  const finishing = useRef(false);

  useEffect(() => {
    if (autoFocus) {
      input.current!.focus();
      input.current!.select();
    }
  }, []);

  useEffect(() => {
    if (!open) return undefined;
    const controller = new AbortController();
    const query = { named: true, q: text.trim(), limit: MAX_SUGGESTIONS };
    const timer = setTimeout(() => {
      get<{ people: Person[] }>("/people", query, controller.signal)
        .then(({ people }) => {
          setSuggestions(people.filter((person) => !exclude.includes(person.id)));
          setActive(-1);
        })
        .catch(() => {});
    }, DELAY);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, open]);

  const finish = (action: () => void): void => {
    finishing.current = true;
    setOpen(false);
    setSuggestions([]);
    action();
    if (!value) setText("");
    queueMicrotask(() => {
      finishing.current = false;
    });
  };
  const submit = (): void => {
    const name = text.trim();
    const person = suggestions[active] ?? suggestions.find((suggestion) => suggestion.name === name);
    if (person) finish(() => pick(person));
    else if (enterName && name && name !== value) finish(() => enterName(name));
    else if (enterName) finish(() => cancel?.());
    else if (suggestions[0] && name) finish(() => pick(suggestions[0]!));
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    if (event.isComposing) return; // this Enter ends a conversion from kana
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setActive(Math.min(Math.max(active + step, -1), suggestions.length - 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && (open || cancel)) {
      event.preventDefault();
      finish(() => cancel?.());
    }
  };
  const listed = open && suggestions.length > 0;

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
          if (finishing.current) return;
          setOpen(false);
          if (cancel) finish(cancel);
        }}
      />
      <ul class="suggestions" role="listbox" id={`${id}-list`} aria-label={t("field.suggestions")} hidden={!listed}>
        {suggestions.map((person, index) => (
          <li
            key={person.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            onPointerDown={(event) => event.preventDefault()} // the field keeps the focus
            onClick={() => finish(() => pick(person))}
          >
            <Chip face={person.cover} side={96} />
            <span class="clip">{person.name}</span>
            <small>{t("count.faces", { n: person.faces })}</small>
          </li>
        ))}
      </ul>
    </div>
  );
}

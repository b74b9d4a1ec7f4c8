// People as tokens, each with a button that removes it.

import { displayName } from "../state/people";
import type { Person } from "../types";
import { t } from "../words";
import { Chip } from "./Chip";
import { Icon } from "./Icon";

interface Props {
  people: Person[];
  change: (people: Person[]) => void;
}

export function PeopleTokens({ people, change }: Props) {
  if (!people.length) return null;
  return (
    <ul class="tokens" role="list">
      {people.map((person) => (
        <li key={person.id}>
          <button
            type="button"
            class="token"
            onClick={() => change(people.filter((other) => other !== person))}
            aria-label={t("token.remove", { name: displayName(person) })}
          >
            <Chip face={person.cover} side={96} />
            <span class="clip">{displayName(person)}</span>
            <Icon name="close" size={14} />
          </button>
        </li>
      ))}
    </ul>
  );
}

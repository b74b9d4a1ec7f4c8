// Faces to review, one after another, each answered with one key.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, post } from "../api";
import { Chip } from "../components/Chip";
import { Icon } from "../components/Icon";
import { distance, probability } from "../format";
import { canWrite, gallery, notify, refreshGallery, reportError } from "../state/app";
import { displayName, undo } from "../state/people";
import { openPhoto, route } from "../state/route";
import type { Face, JournalEntry, Review } from "../types";
import { t } from "../words";

const ANSWERS = ["yes", "no", "skip"] as const;
type Answer = (typeof ANSWERS)[number];
const KEYS: Record<string, Answer> = { y: "yes", n: "no", s: "skip" };

export function ReviewView() {
  const [queue, setQueue] = useState<Review[] | null>(null);
  const [answered, setAnswered] = useState(0);
  const busy = useRef(false);
  const load = (): void => {
    get<{ reviews: Review[] }>("/reviews", { limit: 100 }).then(({ reviews }) => setQueue(reviews), reportError);
  };
  useEffect(load, []);
  const current = queue?.[0];

  const answer = async (choice: Answer): Promise<void> => {
    if (!current || busy.current || !canWrite.value) return;
    const { face, person } = current;
    busy.current = true;
    try {
      await post("/reviews", { face: face.id, person: person.id, answer: choice });
      const entry = (await get<{ entries: JournalEntry[] }>("/journal", { limit: 1 })).entries[0];
      notify(
        t(`review.done.${choice}`, { name: displayName(person) }),
        entry ? { undo: () => void undo(entry.id).then(load) } : {},
      );
      setAnswered((before) => before + 1);
      // "yes" settles the face: its other questions are dropped
      const rest = queue.slice(1).filter((review) => choice !== "yes" || review.face.id !== face.id);
      setQueue(rest);
      void refreshGallery();
      if (!rest.length && choice !== "skip") load();
    } catch (error) {
      reportError(error);
      load();
    } finally {
      busy.current = false;
    }
  };
  useAnswerKeys(answer);

  return (
    <>
      <header class="view-head">
        <a class="back" href="#/people">
          <Icon name="back" size={16} />
          {t("people.title")}
        </a>
        <h1>{t("review.title")}</h1>
      </header>
      {queue === null ? null : current ? (
        <Question
          key={`${current.face.id} ${current.person.id}`}
          review={current}
          remaining={Math.max(gallery.value?.reviews ?? 0, queue.length)}
          answer={answer}
        />
      ) : (
        <div class="empty" role="status">
          <Icon name="check" size={40} />
          <p>{t(answered ? "review.finished" : "review.none", { n: answered })}</p>
          <a href="#/people">{t("people.title")}</a>
        </div>
      )}
    </>
  );
}

/** Y, N and S answer, except while typing or while a photo is open. */
function useAnswerKeys(answer: (choice: Answer) => Promise<void>): void {
  const latest = useRef(answer);
  latest.current = answer;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLInputElement;
      const choice = KEYS[event.key.toLowerCase()];
      if (!choice || typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (route.value.query.get("photo")) return;
      event.preventDefault();
      void latest.current(choice);
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
}

interface QuestionProps {
  review: Review;
  remaining: number;
  answer: (choice: Answer) => Promise<void>;
}

function Question({ review, remaining, answer }: QuestionProps) {
  const { face, person } = review;
  const [best, setBest] = useState<Face[]>([]);
  useEffect(() => {
    const controller = new AbortController();
    get<{ faces: Face[] }>(`/people/${person.id}/faces`, { limit: 6, order: "quality" }, controller.signal).then(
      ({ faces }) => setBest(faces),
      () => {},
    );
    return () => controller.abort();
  }, [person.id]);
  const facts = [
    `${t("distance")} ${distance(review.distance)}`,
    review.probability !== null && `${t("probability")} ${probability(review.probability)}`,
    t("count.reviews", { n: remaining }),
  ];
  return (
    <section class="review">
      <p class="question" role="status" aria-live="polite">
        {person.name ? t("review.question", { name: person.name }) : t("review.same")}
      </p>
      <div class="review-faces">
        <button
          type="button"
          class="bare"
          aria-label={t("hit.open")}
          title={t("hit.open")}
          onClick={() => openPhoto(face.photo, face.id)}
        >
          <Chip face={face.id} side={256} alt={t("review.face")} />
        </button>
        <div class="review-best">
          {best.map((other) => (
            <Chip key={other.id} face={other.id} alt={t("review.best", { name: displayName(person) })} />
          ))}
        </div>
      </div>
      <p class="note">{facts.filter(Boolean).join(" · ")}</p>
      {canWrite.value && (
        <div class="actions review-answers">
          {ANSWERS.map((choice) => (
            <button
              key={choice}
              type="button"
              class={choice === "yes" ? "main" : choice === "skip" ? "quiet" : ""}
              aria-keyshortcuts={choice[0]}
              onClick={() => void answer(choice)}
            >
              {t(`review.${choice}`)}
              <kbd aria-hidden="true">{choice[0]!.toUpperCase()}</kbd>
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

// Faces in doubt, one after another, each answered with one key.

import { useEffect, useRef, useState } from "preact/hooks";
import { get, post } from "../api";
import { distance, probability } from "../format";
import { Chip } from "../parts/Chip";
import { Icon } from "../parts/Icon";
import { complain, gallery, mayWrite, notify, renewGallery } from "../state/app";
import { called, undo } from "../state/correcting";
import { openPhoto, route } from "../state/route";
import type { Entry, Face, Review } from "../shapes";
import { said } from "../words";

type Said = "yes" | "no" | "skip";
const KEYS: Record<string, Said> = { y: "yes", n: "no", s: "skip" };

export function ReviewView() {
  const [waiting, setWaiting] = useState<Review[] | null>(null);
  const [done, setDone] = useState(0);
  const load = (): void => {
    get<{ reviews: Review[] }>("/reviews", { limit: 100 }).then((found) => setWaiting(found.reviews), complain);
  };
  useEffect(load, []);
  const now = waiting?.[0];
  const busy = useRef(false);

  const answer = async (what: Said): Promise<void> => {
    if (!now || busy.current || !mayWrite.value) return;
    busy.current = true;
    try {
      await post("/reviews", { face: now.face.id, person: now.person.id, answer: what });
      const entry = (await get<{ entries: Entry[] }>("/journal", { limit: 1 })).entries[0];
      notify(said(`review.said.${what}`, { name: called(now.person) }), entry ? { undo: () => void undo(entry.id).then(load) } : {});
      setDone((before) => before + 1);
      // a 'yes' settles the face; what else was asked about it need not be
      const rest = waiting!.slice(1).filter((one) => what !== "yes" || one.face.id !== now.face.id);
      setWaiting(rest);
      void renewGallery();
      if (!rest.length && what !== "skip") load();
    } catch (error) {
      complain(error);
      load();
    } finally {
      busy.current = false;
    }
  };
  const latest = useRef(answer);
  latest.current = answer;
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLInputElement;
      const what = KEYS[event.key.toLowerCase()];
      if (!what || typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (route.value.query.get("photo")) return;
      event.preventDefault();
      void latest.current(what);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  return (
    <>
      <header class="view-head">
        <a class="back" href="#/people">
          <Icon name="back" size={16} />
          {said("people.title")}
        </a>
        <h1>{said("review.title")}</h1>
      </header>
      {waiting === null ? null : now ? (
        <Question key={`${now.face.id} ${now.person.id}`} review={now} left={Math.max(gallery.value?.reviews ?? 0, waiting.length)} answer={answer} />
      ) : (
        <div class="empty" role="status">
          <Icon name="check" size={40} />
          <p>{said(done ? "review.finished" : "review.none", { n: done })}</p>
          <a href="#/people">{said("people.title")}</a>
        </div>
      )}
    </>
  );
}

function Question({ review, left, answer }: { review: Review; left: number; answer: (what: Said) => Promise<void> }) {
  const { face, person } = review;
  const [best, setBest] = useState<Face[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    get<{ faces: Face[] }>(`/people/${person.id}/faces`, { limit: 6, order: "quality" }, stop.signal).then((found) => setBest(found.faces), () => {});
    return () => stop.abort();
  }, [person.id]);
  return (
    <section class="review">
      <p class="question" role="status" aria-live="polite">
        {person.name ? said("review.question", { name: person.name }) : said("review.same")}
      </p>
      <div class="review-faces">
        <button type="button" class="bare" aria-label={said("hit.open")} title={said("hit.open")} onClick={() => openPhoto(face.photo, face.id)}>
          <Chip face={face.id} side={256} alt={said("review.face")} />
        </button>
        <div class="review-best">
          {best.map((one) => (
            <Chip key={one.id} face={one.id} alt={said("review.best", { name: called(person) })} />
          ))}
        </div>
      </div>
      <p class="note">
        {said("distance")} {distance(review.distance)}
        {review.probability !== null && ` · ${said("probability")} ${probability(review.probability)}`}
        {` · ${said("count.reviews", { n: left })}`}
      </p>
      {mayWrite.value && (
        <div class="actions review-answers">
          {(["yes", "no", "skip"] as const).map((what) => (
            <button key={what} type="button" class={what === "yes" ? "main" : what === "skip" ? "quiet" : ""} aria-keyshortcuts={what[0]} onClick={() => void answer(what)}>
              {said(`review.${what}`)}
              <kbd aria-hidden="true">{what[0]!.toUpperCase()}</kbd>
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

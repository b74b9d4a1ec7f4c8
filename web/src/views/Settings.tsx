// The gallery and its model, what can be set, taken out, exported and taken back.

import { useEffect, useState } from "preact/hooks";
import { address, get, post, put, remove } from "../api";
import { distance, time } from "../format";
import { Chip } from "../parts/Chip";
import { Icon } from "../parts/Icon";
import { PersonField } from "../parts/PersonField";
import { begin, complain, gallery, mayAdmin, mayWrite, notify, renewGallery, session, signedOut, theme, type Theme } from "../state/app";
import { called, corrected, undo } from "../state/correcting";
import { ended } from "../state/jobs";
import { pagesOf } from "../state/pages";
import { route } from "../state/route";
import type { Card, Entry, Person } from "../shapes";
import { language, said, speak, type Key } from "../words";
import { GroupButton } from "./People";

export function SettingsView() {
  return (
    <div class="settings">
      <header class="view-head">
        <h1>{said("settings.title")}</h1>
      </header>
      <Appearance />
      <GalleryFacts />
      <ModelCard />
      {mayAdmin.value && <Threshold />}
      {mayAdmin.value && <Export />}
      <Journal />
      {mayAdmin.value && <Forget />}
      {session.value?.keys && <SignedIn />}
      <p class="note">
        nitakao {session.value?.version} · <a href="/LICENSES">{said("settings.licences")}</a> · <a href="/api/v1/openapi.json">OpenAPI</a>
      </p>
    </div>
  );
}

function Appearance() {
  return (
    <section>
      <h2>{said("settings.appearance")}</h2>
      <div class="row wrap">
        <label class="select">
          <span class="label">{said("settings.language")}</span>
          <select value={language.value} onChange={(event) => speak(event.currentTarget.value === "ja" ? "ja" : "en")}>
            <option value="en" lang="en">English</option>
            <option value="ja" lang="ja">日本語</option>
          </select>
        </label>
        <label class="select">
          <span class="label">{said("settings.theme")}</span>
          <select value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
            {(["system", "light", "dark"] as const).map((one) => <option key={one} value={one}>{said(`theme.${one}`)}</option>)}
          </select>
        </label>
      </div>
    </section>
  );
}

function GalleryFacts() {
  const held = gallery.value;
  if (!held) return null;
  const facts: [Key, string][] = [
    ["fact.where", held.where],
    ["fact.faces", String(held.faces)],
    ["fact.photos", String(held.photos)],
    ["fact.videos", String(held.videos)],
    ["fact.people", said("fact.people.of", { n: held.people, named: held.named })],
    ["fact.unassigned", String(held.unassigned)],
    ["fact.reviews", String(held.reviews)],
    ["fact.problems", String(held.problems)],
  ];
  return (
    <section>
      <h2>{said("settings.gallery")}</h2>
      <dl class="facts wide">
        {facts.map(([key, value]) => (
          <div key={key}>
            <dt>{said(key)}</dt>
            <dd class={key === "fact.where" ? "path" : ""}>{value}</dd>
          </div>
        ))}
      </dl>
      {mayWrite.value && (
        <div class="actions">
          <GroupButton />
          <span class="note">{said("people.group.note")}</span>
        </div>
      )}
    </section>
  );
}

function ModelCard() {
  const [card, setCard] = useState<Card | null>(null);
  const name = gallery.value?.model;
  useEffect(() => {
    if (!name) return undefined;
    const stop = new AbortController();
    get<Card>(`/models/${encodeURIComponent(name)}`, {}, stop.signal).then(setCard, (error: unknown) => !stop.signal.aborted && complain(error));
    return () => stop.abort();
  }, [name]);
  return (
    <section>
      <h2>
        {said("settings.model")} <span class="muted">{name}</span>
      </h2>
      {card && (
        <dl class="facts wide">
          {CARD.flatMap((key) => {
            const words = told(key, card);
            return words ? [<div key={key}><dt>{said(`card.${key}`)}</dt><dd>{words}</dd></div>] : [];
          })}
        </dl>
      )}
    </section>
  );
}

/** What people want to know of a card; the rest is for programs. */
const CARD = ["title", "dimension", "metric", "threshold", "threshold_source", "calibration", "commercial", "weights_licence", "data_licence", "origin", "note"] as const;

function told(key: (typeof CARD)[number], card: Card): string {
  const value = card[key];
  if (key === "metric") return said(value === "cosine" ? "metric.cosine" : "metric.euclidean");
  if (key === "commercial") return said(`commercial.${value === "allowed" || value === "forbidden" ? value : "unclear"}`);
  if (key === "calibration") return value === null ? "" : String((value as { source?: unknown } | undefined)?.source ?? "");
  return value === null || value === undefined ? "" : String(value);
}

function Threshold() {
  const [text, setText] = useState("");
  const [own, setOwn] = useState<number | null>(null);
  useEffect(() => {
    get<{ threshold: number | null }>("/settings").then(({ threshold }) => {
      setOwn(threshold);
      setText(threshold === null ? "" : String(threshold));
    }, complain);
  }, []);
  const set = async (threshold: number | null): Promise<void> => {
    try {
      await put("/settings", { threshold });
      setOwn(threshold);
      setText(threshold === null ? "" : String(threshold));
      notify(said(threshold === null ? "threshold.reset" : "threshold.set", { at: distance(threshold) }));
      await renewGallery();
    } catch (error) {
      complain(error);
    }
  };
  const value = Number(text.replace(",", "."));
  return (
    <section>
      <h2>{said("settings.threshold")}</h2>
      <p class="note">{said("threshold.note")}</p>
      <form
        class="row wrap"
        onSubmit={(event) => {
          event.preventDefault();
          void set(value);
        }}
      >
        <label for="threshold" class="unseen">{said("settings.threshold")}</label>
        <input id="threshold" type="text" inputMode="decimal" class="short" placeholder={distance(gallery.value?.threshold ?? null)} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <button type="submit" disabled={!(value > 0)}>{said("threshold.keep")}</button>
        {own !== null && <button type="button" class="quiet" onClick={() => void set(null)}>{said("threshold.default")}</button>}
      </form>
    </section>
  );
}

const FORMATS = ["parquet", "csv", "npz", "jsonl"] as const;

function Export() {
  const [format, setFormat] = useState<string>(FORMATS[0]);
  return (
    <section>
      <h2>{said("settings.export")}</h2>
      <p class="note">{said("export.note")}</p>
      <div class="row wrap">
        <label class="select">
          <span class="unseen">{said("export.format")}</span>
          <select value={format} onChange={(event) => setFormat(event.currentTarget.value)}>
            {FORMATS.map((one) => <option key={one} value={one}>{said(`export.${one}`)}</option>)}
          </select>
        </label>
        <a class="button" href={address("/export", { format })} download={`faces.${format}`}>{said("export.download")}</a>
      </div>
    </section>
  );
}

function Journal() {
  const [most, setMost] = useState(12);
  const [pages, setPages] = useState(() => journal());
  useEffect(() => setPages(journal()), [corrected.value, ended.value]);
  useEffect(() => pages.need(most + 1), [pages, most]);
  void pages.version.value;
  const entries = pages.items.slice(0, most);
  return (
    <section>
      <h2>{said("settings.journal")}</h2>
      {pages.version.value > 0 && !entries.length && <p class="note">{said("journal.none")}</p>}
      <ol class="journal" role="list">
        {entries.map((entry) => (
          <li key={entry.id} data-undone={entry.undone}>
            <span class="journal-verb">{verb(entry)}</span>
            <span class="note">{[time(entry.at, language.value), entry.who].filter(Boolean).join(" · ")}</span>
            {entry.undone ? (
              <span class="note">{said("journal.undone")}</span>
            ) : (
              mayWrite.value && (
                <button type="button" class="quiet" aria-label={said("journal.undo", { n: entry.id })} onClick={() => void undo(entry.id)}>
                  <Icon name="undo" size={16} />
                  {said("undo")}
                </button>
              )
            )}
          </li>
        ))}
      </ol>
      {pages.items.length > most && <button type="button" onClick={() => setMost(most + 50)}>{said("more")}</button>}
    </section>
  );
}

const journal = () => pagesOf<Entry>("/journal", "entries", {});

function verb(entry: Entry): string {
  const detail = typeof entry.detail === "string" ? entry.detail : "";
  const done = VERBS.find((one) => one === entry.verb);
  return [done ? said(`verb.${done}`) : entry.verb, detail].filter(Boolean).join(": ");
}

const VERBS = ["name", "merge", "move", "split", "hide", "show", "yes", "no", "skip", "cluster", "import", "label", "undo"] as const;

function Forget() {
  const wanted = route.value.query.get("forget");
  const [person, setPerson] = useState<Person | null>(null);
  const [typed, setTyped] = useState("");
  const [tombstone, setTombstone] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (!wanted) return;
    get<Person>(`/people/${wanted}`).then(setPerson, complain);
  }, [wanted]);
  useEffect(() => {
    if (wanted && person) document.getElementById("forget")?.scrollIntoView({ block: "center" });
  }, [wanted, person]);
  const forget = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await post("/forget", { person: person!.id, confirm: typed, tombstone });
      notify(said("forget.done", { name: called(person!) }));
      setPerson(null);
      setTyped("");
      corrected.value += 1;
      await renewGallery();
    } catch (error) {
      complain(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section id="forget" class="danger">
      <h2>{said("settings.forget")}</h2>
      <p class="note">{said("forget.note")}</p>
      {!person ? (
        <PersonField label={said("forget.who")} pick={setPerson} />
      ) : (
        <form onSubmit={(event) => void forget(event)}>
          <p class="person-line small-line">
            <Chip face={person.cover} side={96} />
            <span>
              <strong>{called(person)}</strong>
              <small class="note">{said("count.faces", { n: person.faces })}</small>
            </span>
          </p>
          <label>
            {said("forget.type", { name: called(person) })}
            <input type="text" autocomplete="off" spellcheck={false} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
          <label class="switch">
            <input type="checkbox" role="switch" checked={tombstone} onChange={() => setTombstone(!tombstone)} />
            <span>
              {said("forget.tombstone")}
              <small>{said("forget.tombstone.note")}</small>
            </span>
          </label>
          <div class="actions">
            <button type="submit" class="grave" disabled={typed !== called(person) || busy}>{said("forget.do")}</button>
            <button type="button" class="quiet" onClick={() => setPerson(null)}>{said("cancel")}</button>
          </div>
        </form>
      )}
    </section>
  );
}

function SignedIn() {
  const leave = async (): Promise<void> => {
    await remove("/session").catch(complain);
    session.value = null;
    signedOut.value = true;
    await begin();
  };
  return (
    <section>
      <h2>{said("settings.key")}</h2>
      <div class="row wrap">
        <span>{said(`role.${session.value!.role ?? "read"}`)}</span>
        <button type="button" onClick={() => void leave()}>{said("key.leave")}</button>
      </div>
    </section>
  );
}

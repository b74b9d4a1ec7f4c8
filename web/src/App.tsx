// The frame around all views: where one can go, what is said, and the photograph that is open.

import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Jobs } from "./parts/Jobs";
import { Notices } from "./parts/Notices";
import { Icon, type IconName } from "./parts/Icon";
import { LanguageButton, ThemeButton } from "./parts/Switches";
import { begin, gallery, session, signedOut, trouble } from "./state/app";
import { route } from "./state/route";
import { said, type Key } from "./words";
import { CompareView } from "./views/Compare";
import { MapView } from "./views/Map";
import { PeopleView } from "./views/People";
import { PersonView } from "./views/Person";
import { PhotoWindow } from "./views/PhotoWindow";
import { PhotosView } from "./views/Photos";
import { ReviewView } from "./views/Review";
import { SearchView } from "./views/Search";
import { SettingsView } from "./views/Settings";
import { SignIn } from "./views/SignIn";

const PLACES: { path: string; icon: IconName; key: Key }[] = [
  { path: "search", icon: "search", key: "search.title" },
  { path: "people", icon: "people", key: "people.title" },
  { path: "photos", icon: "photos", key: "photos.title" },
  { path: "compare", icon: "compare", key: "compare.title" },
  { path: "map", icon: "map", key: "map.title" },
  { path: "settings", icon: "settings", key: "settings.title" },
];

const VIEWS: Record<string, FunctionComponent> = {
  search: SearchView,
  people: PeopleView,
  photos: PhotosView,
  compare: CompareView,
  map: MapView,
  settings: SettingsView,
};

export function App() {
  if (signedOut.value) return <SignIn />;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        {said("skip")}
      </a>
      <Frame />
      <Main />
      <Jobs />
      <Notices />
    </>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault(); // the address after '#' is ours
  document.getElementById("main")?.focus();
}

function place(): string {
  return route.value.path[0] ?? "search";
}

function Frame() {
  const held = gallery.value;
  return (
    <header class="frame">
      <a class="mark" href="#/search">
        <span lang="ja">似た顔</span>
        <small>nitakao</small>
      </a>
      <nav aria-label={said("nav")}>
        {PLACES.map(({ path, icon, key }) => (
          <a key={path} href={`#/${path}`} aria-current={place() === path ? "page" : undefined}>
            <Icon name={icon} />
            <span>{said(key)}</span>
            {path === "people" && held && held.reviews > 0 && <Badge n={held.reviews} />}
          </a>
        ))}
      </nav>
      <footer>
        {held && (
          <p class="held">
            {said("count.faces", { n: held.faces })}
            <br />
            {said("count.photos", { n: held.photos })}
          </p>
        )}
        <div class="switches">
          <LanguageButton />
          <ThemeButton />
        </div>
      </footer>
    </header>
  );
}

function Badge({ n }: { n: number }) {
  return (
    <em class="badge" title={said("count.reviews", { n })}>
      <span aria-hidden="true">{n > 99 ? "99+" : n}</span>
      <span class="unseen">{said("count.reviews", { n })}</span>
    </em>
  );
}

function Main() {
  const main = useRef<HTMLElement>(null);
  const { path, query } = route.value;
  const where = path.join("/");
  const first = useRef(true);
  useEffect(() => {
    document.title = `${said(PLACES.find((one) => one.path === place())?.key ?? "search.title")} · nitakao`;
    if (first.current) first.current = false;
    else {
      scrollTo(0, 0);
      main.current!.focus({ preventScroll: true });
    }
  }, [where]);
  const photo = Number(query.get("photo"));
  return (
    <main id="main" tabIndex={-1} ref={main}>
      {trouble.value ? <Trouble /> : session.value ? <View key={where} /> : null}
      {photo > 0 && session.value && <PhotoWindow key={photo} photo={photo} />}
    </main>
  );
}

function View() {
  const { path } = route.value;
  if (path[0] === "people" && path[1] === "review") return <ReviewView />;
  if (path[0] === "people" && Number(path[1]) > 0) return <PersonView id={Number(path[1])} />;
  const Shown = VIEWS[place()] ?? SearchView;
  return <Shown />;
}

function Trouble() {
  return (
    <div class="empty" role="alert">
      <Icon name="face" size={40} />
      <p>{trouble.value}</p>
      <button type="button" class="main" onClick={() => void begin()}>
        {said("again")}
      </button>
    </div>
  );
}

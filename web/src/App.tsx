// The frame around all views: navigation, jobs, notices and the open photo.

import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./components/Icon";
import { Jobs } from "./components/Jobs";
import { Notices } from "./components/Notices";
import { LanguageButton, ThemeButton } from "./components/Switches";
import { gallery, session, signedOut, start, startError } from "./state/app";
import { route } from "./state/route";
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
import { t, type MessageKey } from "./words";

interface NavigationItem {
  path: string;
  icon: IconName;
  title: MessageKey;
  view: FunctionComponent;
}

const NAVIGATION: NavigationItem[] = [
  { path: "search", icon: "search", title: "search.title", view: SearchView },
  { path: "people", icon: "people", title: "people.title", view: PeopleView },
  { path: "photos", icon: "photos", title: "photos.title", view: PhotosView },
  { path: "compare", icon: "compare", title: "compare.title", view: CompareView },
  { path: "map", icon: "map", title: "map.title", view: MapView },
  { path: "settings", icon: "settings", title: "settings.title", view: SettingsView },
];

export function App() {
  if (signedOut.value) return <SignIn />;
  return (
    <>
      <a class="skip" href="#main" onClick={skipToContent}>
        {t("skip")}
      </a>
      <Frame />
      <Main />
      <Jobs />
      <Notices />
    </>
  );
}

function skipToContent(event: MouseEvent): void {
  event.preventDefault(); // the part of the address after '#' is the route
  document.getElementById("main")?.focus();
}

function currentPath(): string {
  return route.value.path[0] ?? "search";
}

function Frame() {
  const counts = gallery.value;
  return (
    <header class="frame">
      <a class="logo" href="#/search">
        <span lang="ja">似た顔</span>
        <small>nitakao</small>
      </a>
      <nav aria-label={t("nav")}>
        {NAVIGATION.map(({ path, icon, title }) => (
          <a key={path} href={`#/${path}`} aria-current={currentPath() === path ? "page" : undefined}>
            <Icon name={icon} />
            <span>{t(title)}</span>
            {path === "people" && counts && counts.reviews > 0 && <Badge n={counts.reviews} />}
          </a>
        ))}
      </nav>
      <footer>
        {counts && (
          <p class="counts">
            {t("count.faces", { n: counts.faces })}
            <br />
            {t("count.photos", { n: counts.photos })}
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
    <em class="badge" title={t("count.reviews", { n })}>
      <span aria-hidden="true">{n > 99 ? "99+" : n}</span>
      <span class="visually-hidden">{t("count.reviews", { n })}</span>
    </em>
  );
}

function Main() {
  const main = useRef<HTMLElement>(null);
  const { path, query } = route.value;
  const view = path.join("/");
  const firstView = useRef(true);
  useEffect(() => {
    document.title = `${t(NAVIGATION.find((item) => item.path === currentPath())?.title ?? "search.title")} · nitakao`;
    if (firstView.current) firstView.current = false;
    else {
      scrollTo(0, 0);
      main.current!.focus({ preventScroll: true });
    }
  }, [view]);
  const photo = Number(query.get("photo"));
  return (
    <main id="main" tabIndex={-1} ref={main}>
      {startError.value ? <StartError /> : session.value ? <View key={view} /> : null}
      {photo > 0 && session.value && <PhotoWindow key={photo} photo={photo} />}
    </main>
  );
}

function View() {
  const { path } = route.value;
  if (path[0] === "people" && path[1] === "review") return <ReviewView />;
  if (path[0] === "people" && Number(path[1]) > 0) return <PersonView id={Number(path[1])} />;
  const Current = NAVIGATION.find((item) => item.path === currentPath())?.view ?? SearchView;
  return <Current />;
}

function StartError() {
  return (
    <div class="empty" role="alert">
      <Icon name="face" size={40} />
      <p>{startError.value}</p>
      <button type="button" class="main" onClick={() => void start()}>
        {t("retry")}
      </button>
    </div>
  );
}

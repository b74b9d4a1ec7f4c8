// A grid of any length that scrolls with the page: only the tiles in view are made.

import type { ComponentChildren, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { gridFor, heightOf, movedBy, placeOf, windowOf, type Grid, type Window } from "../layout";

/** What the part of a tile that takes the focus must carry. */
export interface Handle {
  tabIndex: number;
  "data-item": number;
  onFocus: () => void;
}

interface Props<T> {
  label: string;
  length: number;
  at: (item: number) => T | undefined;
  /** Is told how many items must be there for what is in view. */
  need?: (count: number) => void;
  /** A tile is at least so wide; its picture is `square` times as high as wide; `below` is for the text under it. */
  least: number;
  below: number;
  square?: number;
  gap?: number;
  keyOf?: (thing: T) => string | number;
  tile: (thing: T, item: number, handle: Handle) => ComponentChildren;
}

const KEEP = 72; // px at the view's top and bottom that bars may cover

export function VirtualGrid<T>(props: Props<T>) {
  const { label, length, at, need, least, below, square = 1, gap = 14, keyOf, tile } = props;
  const list = useRef<HTMLUListElement>(null);
  const [grid, setGrid] = useState<Grid | null>(null);
  const [seen, setSeen] = useState<Window>({ first: 0, end: 0 });
  const [current, setCurrent] = useState(0);
  const focusing = useRef(false);

  useLayoutEffect(() => {
    const element = list.current!;
    const measure = (): void => setGrid(gridFor(element.clientWidth, least, gap, below, square));
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    measure();
    return () => watcher.disconnect();
  }, [least, gap, below, square]);

  useLayoutEffect(() => {
    if (!grid) return undefined;
    let frame = 0;
    const look = (): void => {
      frame = 0;
      const top = -list.current!.getBoundingClientRect().top;
      const now = windowOf(grid, length, top, innerHeight);
      setSeen((before) => (before.first === now.first && before.end === now.end ? before : now));
    };
    const soon = (): void => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
      cancelAnimationFrame(frame);
    };
  }, [grid, length]);

  useEffect(() => need?.(seen.end), [seen.end, need]);

  useEffect(() => {
    if (!focusing.current) return;
    const target = list.current!.querySelector<HTMLElement>(`[data-item="${current}"]`);
    if (target) {
      focusing.current = false;
      target.focus({ preventScroll: true });
    }
  });

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLUListElement>): void => {
    const from = (event.target as HTMLElement).dataset["item"];
    if (from === undefined || !grid || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(Math.floor(innerHeight / grid.step), 1);
    const next = movedBy(event.key, Number(from), length, grid.columns, page);
    if (next === null) return;
    event.preventDefault();
    focusing.current = true;
    reveal(list.current!, grid, gap, next);
    setCurrent(next);
  };

  const items: number[] = [];
  for (let item = seen.first; item < Math.min(seen.end, length); item += 1) items.push(item);
  const reachable = current < length ? current : 0; // the one that Tab leads to is always there
  if (length && !items.includes(reachable)) items.push(reachable);

  return (
    <ul class="virtual" role="list" aria-label={label} ref={list} style={{ height: `${grid ? heightOf(grid, length) : 0}px` }} onKeyDown={onKeyDown}>
      {grid &&
        items.map((item) => {
          const thing = at(item);
          const { left, top } = placeOf(grid, gap, item);
          const style = { width: `${grid.tile}px`, height: `${grid.step - gap}px`, transform: `translate(${left}px, ${top}px)` };
          const handle = { tabIndex: item === reachable ? 0 : -1, "data-item": item, onFocus: () => setCurrent(item) };
          return (
            <li key={thing && keyOf ? keyOf(thing) : `at ${item}`} style={style} aria-posinset={item + 1} aria-setsize={length}>
              {thing ? tile(thing, item, handle) : <span class="tile-empty" />}
            </li>
          );
        })}
    </ul>
  );
}

/** Scrolls the page so that the item is in view. */
function reveal(list: HTMLElement, grid: Grid, gap: number, item: number): void {
  const top = list.getBoundingClientRect().top + placeOf(grid, gap, item).top;
  if (top < KEEP) scrollBy(0, top - KEEP);
  else if (top + grid.step > innerHeight - KEEP) scrollBy(0, top + grid.step - innerHeight + KEEP);
}

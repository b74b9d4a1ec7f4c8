// A grid of any length that scrolls with the page: only the tiles in view are made.

import type { ComponentChildren, TargetedKeyboardEvent, VNode } from "preact";
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
  /** Must stay the same function while what it draws is the same: tiles are not drawn anew until it changes. */
  tile: (thing: T, item: number, handle: Handle) => ComponentChildren;
}

/** A tile as it was drawn, and all that it was drawn from. */
interface Drawn {
  from: readonly unknown[];
  node: VNode;
}

const AT_ONCE = 16; // tiles that are drawn within a frame where all are new
const CALM = 90; // ms without scrolling after which tiles take the place of blanks
const KEEP = 72; // px at the view's top and bottom that bars may cover

export function VirtualGrid<T>(props: Props<T>) {
  const { label, length, at, need, least, below, square = 1, gap = 14, keyOf, tile } = props;
  const list = useRef<HTMLUListElement>(null);
  const [grid, setGrid] = useState<Grid | null>(null);
  const [seen, setSeen] = useState<Window>({ first: 0, end: 0 });
  const [flying, setFlying] = useState(false); // scrolling so fast that nothing seen before is still in view
  const [ready, setReady] = useState(AT_ONCE); // so many of what is in view may be drawn already
  const [current, setCurrent] = useState(0);
  const drawn = useRef(new Map<number, Drawn>());
  const focusing = useRef(false);
  const latest = useRef(0);

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
    let [frame, timer] = [0, 0];
    let last: Window | null = null;
    const look = (): void => {
      frame = 0;
      const top = -list.current!.getBoundingClientRect().top;
      const now = windowOf(grid, length, top, innerHeight);
      if (last && (now.first >= last.end || now.end <= last.first)) {
        setFlying(true);
        setReady(AT_ONCE);
        clearTimeout(timer);
        timer = window.setTimeout(() => setFlying(false), CALM);
      }
      last = now;
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
      clearTimeout(timer);
      setFlying(false);
    };
  }, [grid, length]);

  useEffect(() => need?.(seen.end), [seen.end, need]);

  const many = seen.end - seen.first;
  useEffect(() => {
    if (flying || ready >= many || length === 0) return undefined;
    const frame = requestAnimationFrame(() => setReady(ready + AT_ONCE));
    return () => cancelAnimationFrame(frame);
  }, [flying, ready, many, length]);

  const focus = (): void => {
    if (!focusing.current) return;
    const target = list.current!.querySelector<HTMLElement>(`[data-item="${latest.current}"]`);
    target?.focus({ preventScroll: true });
    focusing.current = !target; // what is not there yet gets the focus when it is
  };
  useEffect(focus);
  const focused = (item: number): void => {
    if (focusing.current && item !== latest.current) return;
    latest.current = item;
    setCurrent(item);
  };

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLUListElement>): void => {
    const on = (event.target as HTMLElement).dataset["item"];
    const from = focusing.current ? latest.current : Number(on); // keys may come faster than the focus moves
    if (on === undefined || !grid || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(Math.floor(innerHeight / grid.step), 1);
    const next = movedBy(event.key, from, length, grid.columns, page);
    if (next === null) return;
    event.preventDefault();
    focusing.current = true;
    latest.current = next;
    reveal(list.current!, grid, gap, next);
    setCurrent(next);
    focus();
  };

  const items: number[] = [];
  for (let item = seen.first; item < Math.min(seen.end, length); item += 1) items.push(item);
  const reachable = current < length ? current : 0; // the one that Tab leads to is always there
  if (length && !items.includes(reachable)) items.push(reachable);

  const draw = (item: number, shape: Grid, blank: boolean): VNode => {
    const { left, top } = placeOf(shape, gap, item);
    const style = { width: `${shape.tile}px`, height: `${shape.step - gap}px`, transform: `translate(${left}px, ${top}px)` };
    const thing = at(item);
    if (!thing || blank) {
      return (
        <li key={`blank ${item === reachable ? "reached" : item % items.length}`} style={style} aria-posinset={item + 1} aria-setsize={length}>
          <span class="tile-empty" />
        </li>
      );
    }
    const handle = { tabIndex: item === reachable ? 0 : -1, "data-item": item, onFocus: () => focused(item) };
    return (
      <li key={keyOf ? keyOf(thing) : item} style={style} aria-posinset={item + 1} aria-setsize={length}>
        {tile(thing, item, handle)}
      </li>
    );
  };
  const before = drawn.current;
  drawn.current = new Map();
  const nodes = (grid ? items : []).map((item, place) => {
    const blank = item !== reachable && (flying || place >= ready);
    const from = [at(item), tile, grid, length, item === reachable, blank, blank ? items.length : 0];
    const old = before.get(item);
    const now = old?.from.every((one, n) => one === from[n]) ? old : { from, node: draw(item, grid!, blank) };
    drawn.current.set(item, now);
    return now.node;
  });
  return (
    <ul class="virtual" role="list" aria-label={label} ref={list} style={{ height: `${grid ? heightOf(grid, length) : 0}px` }} onKeyDown={onKeyDown}>
      {nodes}
    </ul>
  );
}

/** Scrolls the page so that the item is in view. */
function reveal(list: HTMLElement, grid: Grid, gap: number, item: number): void {
  const top = list.getBoundingClientRect().top + placeOf(grid, gap, item).top;
  if (top < KEEP) scrollBy(0, top - KEEP);
  else if (top + grid.step > innerHeight - KEEP) scrollBy(0, top + grid.step - innerHeight + KEEP);
}

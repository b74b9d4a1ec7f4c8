// A grid of any length that scrolls with the page; only the tiles in view are rendered.

import type { ComponentChildren, RefObject, TargetedKeyboardEvent, VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { fitGrid, gridHeight, moveFocus, itemPosition, visibleRange, type Grid, type Range } from "../layout";

/** Attributes for the focusable part of a tile. */
export interface Handle {
  tabIndex: number;
  "data-item": number;
  onFocus: () => void;
}

interface Props<T> {
  label: string;
  length: number;
  at: (item: number) => T | undefined;
  /** Called with the number of items that the view needs. */
  loadUntil?: (count: number) => void;
  /** Smallest width of a tile in pixels. */
  minWidth: number;
  /** Height of the text below the picture, in pixels. */
  below: number;
  /** Height of the picture divided by its width. */
  ratio?: number;
  gap?: number;
  keyOf?: (item: T) => string | number;
  /** Must be the same function while it draws the same: tiles are not rendered again until it changes. */
  renderTile: (item: T, index: number, handle: Handle) => ComponentChildren;
}

/** A rendered tile, and the inputs it was rendered from. */
interface RenderedTile {
  inputs: readonly unknown[];
  node: VNode;
}

const TILES_PER_FRAME = 16; // new tiles rendered within one frame
const SETTLE = 90; // ms without scrolling after which tiles replace placeholders
const MARGIN = 72; // px at the top and bottom of the view that bars may cover

export function VirtualGrid<T>(props: Props<T>) {
  const { label, length, at, loadUntil, minWidth, below, ratio = 1, gap = 14, keyOf, renderTile } = props;
  const list = useRef<HTMLUListElement>(null);
  const [grid, setGrid] = useState<Grid | null>(null);
  const [current, setCurrent] = useState(0);
  const rendered = useRef(new Map<number, RenderedTile>());
  const focusPending = useRef(false);
  const focusItem = useRef(0);

  useLayoutEffect(() => {
    const element = list.current!;
    const measure = (): void => setGrid(fitGrid(element.clientWidth, { minWidth, gap, below, ratio }));
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    measure();
    return () => watcher.disconnect();
  }, [minWidth, gap, below, ratio]);
  const { range, scrollingFast, ready } = useVisibleRange(list, grid, length);

  useEffect(() => loadUntil?.(range.end), [range.end, loadUntil]);

  const focus = (): void => {
    if (!focusPending.current) return;
    const target = list.current!.querySelector<HTMLElement>(`[data-item="${focusItem.current}"]`);
    target?.focus({ preventScroll: true });
    focusPending.current = !target; // an item that is not rendered yet gets the focus later
  };
  useEffect(focus);
  const onItemFocus = (item: number): void => {
    if (focusPending.current && item !== focusItem.current) return;
    focusItem.current = item;
    setCurrent(item);
  };

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLUListElement>): void => {
    const target = (event.target as HTMLElement).dataset["item"];
    const from = focusPending.current ? focusItem.current : Number(target); // keys may come faster than the focus moves
    if (target === undefined || !grid || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(Math.floor(innerHeight / grid.step), 1);
    const next = moveFocus(event.key, from, length, grid.columns, page);
    if (next === null) return;
    event.preventDefault();
    focusPending.current = true;
    focusItem.current = next;
    reveal(list.current!, grid, gap, next);
    setCurrent(next);
    focus();
  };

  const items: number[] = [];
  for (let item = range.first; item < Math.min(range.end, length); item += 1) items.push(item);
  const tabStop = current < length ? current : 0; // the tile that Tab reaches is always rendered
  if (length && !items.includes(tabStop)) items.push(tabStop);

  const render = (item: number, layout: Grid, blank: boolean): VNode => {
    const { left, top } = itemPosition(layout, gap, item);
    const style = {
      width: `${layout.tile}px`,
      height: `${layout.step - gap}px`,
      transform: `translate(${left}px, ${top}px)`,
    };
    const value = at(item);
    if (!value || blank) {
      return (
        <li
          key={`blank ${item === tabStop ? "tab stop" : item % items.length}`}
          style={style}
          aria-posinset={item + 1}
          aria-setsize={length}
        >
          <span class="tile-empty" />
        </li>
      );
    }
    const handle = { tabIndex: item === tabStop ? 0 : -1, "data-item": item, onFocus: () => onItemFocus(item) };
    return (
      <li key={keyOf ? keyOf(value) : item} style={style} aria-posinset={item + 1} aria-setsize={length}>
        {renderTile(value, item, handle)}
      </li>
    );
  };
  const previous = rendered.current;
  rendered.current = new Map();
  const nodes = (grid ? items : []).map((item, index) => {
    const blank = item !== tabStop && (scrollingFast || index >= ready);
    const inputs = [at(item), renderTile, grid, length, item === tabStop, blank, blank ? items.length : 0];
    const old = previous.get(item);
    const tile = old?.inputs.every((input, n) => input === inputs[n])
      ? old
      : { inputs, node: render(item, grid!, blank) };
    rendered.current.set(item, tile);
    return tile.node;
  });
  return (
    <ul
      class="virtual"
      role="list"
      aria-label={label}
      ref={list}
      style={{ height: `${grid ? gridHeight(grid, length) : 0}px` }}
      onKeyDown={onKeyDown}
    >
      {nodes}
    </ul>
  );
}

interface Visible {
  range: Range;
  /** Nothing that was in view before is still in view. */
  scrollingFast: boolean;
  /** The number of tiles in view that may be rendered. */
  ready: number;
}

/** The items in view while the page scrolls. */
function useVisibleRange(list: RefObject<HTMLUListElement | null>, grid: Grid | null, length: number): Visible {
  const [range, setRange] = useState<Range>({ first: 0, end: 0 });
  const [scrollingFast, setScrollingFast] = useState(false);
  const [ready, setReady] = useState(TILES_PER_FRAME);
  useLayoutEffect(() => {
    if (!grid) return undefined;
    let [frame, timer] = [0, 0];
    let previous: Range | null = null;
    const update = (): void => {
      frame = 0;
      const top = -list.current!.getBoundingClientRect().top;
      const now = visibleRange(grid, length, top, innerHeight);
      if (previous && (now.first >= previous.end || now.end <= previous.first)) {
        setScrollingFast(true);
        setReady(TILES_PER_FRAME);
        clearTimeout(timer);
        timer = window.setTimeout(() => setScrollingFast(false), SETTLE);
      }
      previous = now;
      setRange((before) => (before.first === now.first && before.end === now.end ? before : now));
    };
    const schedule = (): void => {
      frame ||= requestAnimationFrame(update);
    };
    update();
    addEventListener("scroll", schedule, { passive: true });
    addEventListener("resize", schedule);
    return () => {
      removeEventListener("scroll", schedule);
      removeEventListener("resize", schedule);
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      setScrollingFast(false);
    };
  }, [grid, length]);

  const inView = range.end - range.first;
  useEffect(() => {
    if (scrollingFast || ready >= inView || length === 0) return undefined;
    const frame = requestAnimationFrame(() => setReady(ready + TILES_PER_FRAME));
    return () => cancelAnimationFrame(frame);
  }, [scrollingFast, ready, inView, length]);
  return { range, scrollingFast, ready };
}

/** Scrolls the page so that the item is in view. */
function reveal(list: HTMLElement, grid: Grid, gap: number, item: number): void {
  const top = list.getBoundingClientRect().top + itemPosition(grid, gap, item).top;
  if (top < MARGIN) scrollBy(0, top - MARGIN);
  else if (top + grid.step > innerHeight - MARGIN) scrollBy(0, top + grid.step - innerHeight + MARGIN);
}

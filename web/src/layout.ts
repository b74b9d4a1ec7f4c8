// The arithmetic of a grid of which only the part in view is made.

export interface Grid {
  columns: number;
  /** Width of a tile, pixels. */
  tile: number;
  /** From the top of one row to the top of the next, pixels. */
  step: number;
}

export interface Window {
  first: number;
  /** One past the last. */
  end: number;
}

/** As many columns as fit with tiles of at least `least` pixels; at least two on anything that can show two. */
export function gridFor(width: number, least: number, gap: number, below: number, square = 1): Grid {
  const fits = Math.floor((width + gap) / (least + gap));
  const columns = Math.max(fits, width >= 200 ? 2 : 1);
  const tile = Math.max((width - gap * (columns - 1)) / columns, 1);
  return { columns, tile, step: Math.round(tile * square) + below + gap };
}

/** Height of all rows, pixels. */
export function heightOf(grid: Grid, total: number): number {
  return Math.ceil(total / grid.columns) * grid.step;
}

/** The items in view, and `spare` rows before and after. top: where the view begins, pixels from the grid's top. */
export function windowOf(grid: Grid, total: number, top: number, height: number, spare = 3): Window {
  const row = Math.max(Math.floor(top / grid.step) - spare, 0);
  const end = Math.ceil((Math.max(top, 0) + height) / grid.step) + spare;
  const first = Math.min(row * grid.columns, total);
  return { first, end: Math.max(Math.min(end * grid.columns, total), first) };
}

/** Where the item is: pixels from the grid's left and top. */
export function placeOf(grid: Grid, gap: number, item: number): { left: number; top: number } {
  return { left: (item % grid.columns) * (grid.tile + gap), top: Math.floor(item / grid.columns) * grid.step };
}

/** The item that an arrow key leads to from `item`; null where the key is none. */
export function movedBy(key: string, item: number, total: number, columns: number, page: number): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * page,
    PageDown: columns * page,
    Home: -item,
    End: total - 1 - item,
  };
  const step = steps[key];
  if (step === undefined) return null;
  const next = item + step;
  if (key === "ArrowUp" && next < 0) return item;
  if (key === "ArrowDown" && next >= total) return Math.floor(item / columns) < Math.floor((total - 1) / columns) ? total - 1 : item;
  return Math.min(Math.max(next, 0), total - 1);
}

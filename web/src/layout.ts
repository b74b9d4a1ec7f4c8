// The arithmetic of a grid that renders only the rows in view.

export interface Grid {
  columns: number;
  /** Width of a tile in pixels. */
  tile: number;
  /** From the top of one row to the top of the next, in pixels. */
  step: number;
}

/** Items `first` to `end`, without `end`. */
export interface Range {
  first: number;
  end: number;
}

export interface TileShape {
  /** Smallest width of a tile in pixels. */
  minWidth: number;
  gap: number;
  /** Height of the text below the picture, in pixels. */
  below: number;
  /** Height of the picture divided by its width. */
  ratio?: number;
}

/** As many columns as fit, but at least two from 200 pixels on. */
export function fitGrid(width: number, { minWidth, gap, below, ratio = 1 }: TileShape): Grid {
  const fitting = Math.floor((width + gap) / (minWidth + gap));
  const columns = Math.max(fitting, width >= 200 ? 2 : 1);
  const tile = Math.max((width - gap * (columns - 1)) / columns, 1);
  return { columns, tile, step: Math.round(tile * ratio) + below + gap };
}

/** Height of all rows in pixels. */
export function gridHeight(grid: Grid, total: number): number {
  return Math.ceil(total / grid.columns) * grid.step;
}

/** The items in view and `spare` rows before and after. top: the start of the view in pixels from the grid's top. */
export function visibleRange(grid: Grid, total: number, top: number, height: number, spare = 3): Range {
  const row = Math.max(Math.floor(top / grid.step) - spare, 0);
  const end = Math.ceil((Math.max(top, 0) + height) / grid.step) + spare;
  const first = Math.min(row * grid.columns, total);
  return { first, end: Math.max(Math.min(end * grid.columns, total), first) };
}

/** The item's position in pixels from the grid's left and top. */
export function itemPosition(grid: Grid, gap: number, item: number): { left: number; top: number } {
  return { left: (item % grid.columns) * (grid.tile + gap), top: Math.floor(item / grid.columns) * grid.step };
}

/** The item that a key leads to from `item`; null if the key does not move the focus. */
export function moveFocus(key: string, item: number, total: number, columns: number, page: number): number | null {
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
  if (key === "ArrowDown" && next >= total) {
    const isLastRow = Math.floor(item / columns) === Math.floor((total - 1) / columns);
    return isLastRow ? item : total - 1;
  }
  return Math.min(Math.max(next, 0), total - 1);
}

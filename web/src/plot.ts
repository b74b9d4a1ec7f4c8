// The map's arithmetic: where a point is on the screen, which one is nearest, and the next in a direction.

export interface Shift {
  /** Screen = point * scale + (x, y); pixels. */
  scale: number;
  x: number;
  y: number;
}

export interface Points {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

/** All points within width x height, with a margin. */
export function fitted(points: Points, width: number, height: number, margin = 24): Shift {
  const [left, right] = ends(points.x);
  const [top, bottom] = ends(points.y);
  const [wide, high] = [Math.max(right - left, 1e-6), Math.max(bottom - top, 1e-6)];
  const scale = Math.max(Math.min((width - 2 * margin) / wide, (height - 2 * margin) / high), 1e-6);
  return { scale, x: width / 2 - (scale * (left + right)) / 2, y: height / 2 - (scale * (top + bottom)) / 2 };
}

function ends(values: ArrayLike<number>): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n]!;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return values.length ? [least, most] : [0, 1];
}

/** Nearer by `factor`, the screen's point (x, y) staying where it is. */
export function zoomed(shift: Shift, factor: number, x: number, y: number): Shift {
  return { scale: shift.scale * factor, x: x - (x - shift.x) * factor, y: y - (y - shift.y) * factor };
}

/** Points sorted into squares, so that the nearest is found without looking at all. */
export class Squares {
  private readonly cells = new Map<number, number[]>();
  private readonly left: number;
  private readonly top: number;
  private readonly side: number;
  private readonly across = 4096;

  constructor(private readonly points: Points) {
    const [left, right] = ends(points.x);
    const [top, bottom] = ends(points.y);
    this.left = left;
    this.top = top;
    const each = Math.max(Math.sqrt(Math.max(points.x.length, 1) / 4), 1);
    this.side = Math.max(right - left, bottom - top, 1e-6) / each;
    for (let n = 0; n < points.x.length; n += 1) {
      const key = this.key(this.column(points.x[n]!), this.row(points.y[n]!));
      const cell = this.cells.get(key);
      if (cell) cell.push(n);
      else this.cells.set(key, [n]);
    }
  }

  /** The nearest point within `reach` of (x, y), in the points' own unit; null where there is none. */
  nearest(x: number, y: number, reach: number, skip = -1): number | null {
    let [best, least] = [-1, reach * reach];
    const rings = Math.min(Math.ceil(reach / this.side), 64);
    const [column, row] = [this.column(x), this.row(y)];
    for (let ring = 0; ring <= rings; ring += 1) {
      if (best >= 0 && Math.sqrt(least) < (ring - 1) * this.side) break;
      for (const n of this.around(column, row, ring)) {
        const far = (this.points.x[n]! - x) ** 2 + (this.points.y[n]! - y) ** 2;
        if (far < least && n !== skip) [best, least] = [n, far];
      }
    }
    return best < 0 ? null : best;
  }

  private *around(column: number, row: number, ring: number): Generator<number> {
    for (let c = column - ring; c <= column + ring; c += 1) {
      for (let r = row - ring; r <= row + ring; r += 1) {
        if (Math.max(Math.abs(c - column), Math.abs(r - row)) === ring) yield* this.cells.get(this.key(c, r)) ?? [];
      }
    }
  }

  private column = (x: number): number => Math.floor((x - this.left) / this.side);
  private row = (y: number): number => Math.floor((y - this.top) / this.side);
  private key = (column: number, row: number): number => row * this.across + column;
}

/** The nearest point that lies in a direction from point `from`: within 45 degrees of it. */
export function towards(points: Points, from: number, dx: number, dy: number): number | null {
  const [x, y] = [points.x[from]!, points.y[from]!];
  let [best, least] = [-1, Infinity];
  for (let n = 0; n < points.x.length; n += 1) {
    const [ax, ay] = [points.x[n]! - x, points.y[n]! - y];
    const along = ax * dx + ay * dy;
    if (n === from || along <= 0 || Math.abs(ax * dy - ay * dx) > along) continue;
    const far = ax * ax + ay * ay;
    if (far < least) [best, least] = [n, far];
  }
  return best < 0 ? null : best;
}

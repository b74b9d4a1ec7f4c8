// The arithmetic of the face map: screen positions, the nearest point, and the next point in a direction.

export interface Transform {
  /** Screen = point * scale + (x, y), in pixels. */
  scale: number;
  x: number;
  y: number;
}

export interface Points {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

/** The transform that shows all points within width x height. */
export function fit(points: Points, width: number, height: number, margin = 24): Transform {
  const [left, right] = extent(points.x);
  const [top, bottom] = extent(points.y);
  const [spanX, spanY] = [Math.max(right - left, 1e-6), Math.max(bottom - top, 1e-6)];
  const scale = Math.max(Math.min((width - 2 * margin) / spanX, (height - 2 * margin) / spanY), 1e-6);
  return { scale, x: width / 2 - (scale * (left + right)) / 2, y: height / 2 - (scale * (top + bottom)) / 2 };
}

function extent(values: ArrayLike<number>): [number, number] {
  let [min, max] = [Infinity, -Infinity];
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return values.length ? [min, max] : [0, 1];
}

/** Scaled by `factor` around the screen's point (x, y). */
export function zoomAt(transform: Transform, factor: number, x: number, y: number): Transform {
  return {
    scale: transform.scale * factor,
    x: x - (x - transform.x) * factor,
    y: y - (y - transform.y) * factor,
  };
}

const ACROSS = 4096; // columns per row in a cell's key
const MAX_RINGS = 64;

/** Points in a grid of square cells, so that the nearest is found without a look at all. */
export class PointIndex {
  private readonly cells = new Map<number, number[]>();
  private readonly left: number;
  private readonly top: number;
  private readonly side: number;

  constructor(private readonly points: Points) {
    const [left, right] = extent(points.x);
    const [top, bottom] = extent(points.y);
    this.left = left;
    this.top = top;
    const cellsAcross = Math.max(Math.sqrt(Math.max(points.x.length, 1) / 4), 1);
    this.side = Math.max(right - left, bottom - top, 1e-6) / cellsAcross;
    for (let n = 0; n < points.x.length; n += 1) {
      const key = this.key(this.column(points.x[n]!), this.row(points.y[n]!));
      const cell = this.cells.get(key);
      if (cell) cell.push(n);
      else this.cells.set(key, [n]);
    }
  }

  /** The nearest point within `radius` of (x, y), in the points' own unit; null if there is none. */
  nearest(x: number, y: number, radius: number, skip = -1): number | null {
    let [best, bestSquared] = [-1, radius * radius];
    const rings = Math.min(Math.ceil(radius / this.side), MAX_RINGS);
    const [column, row] = [this.column(x), this.row(y)];
    for (let ring = 0; ring <= rings; ring += 1) {
      if (best >= 0 && Math.sqrt(bestSquared) < (ring - 1) * this.side) break;
      for (const n of this.pointsInRing(column, row, ring)) {
        const squared = (this.points.x[n]! - x) ** 2 + (this.points.y[n]! - y) ** 2;
        if (squared < bestSquared && n !== skip) [best, bestSquared] = [n, squared];
      }
    }
    return best < 0 ? null : best;
  }

  private *pointsInRing(column: number, row: number, ring: number): Generator<number> {
    for (let c = column - ring; c <= column + ring; c += 1) {
      for (let r = row - ring; r <= row + ring; r += 1) {
        if (Math.max(Math.abs(c - column), Math.abs(r - row)) === ring) yield* this.cells.get(this.key(c, r)) ?? [];
      }
    }
  }

  private column = (x: number): number => Math.floor((x - this.left) / this.side);
  private row = (y: number): number => Math.floor((y - this.top) / this.side);
  private key = (column: number, row: number): number => row * ACROSS + column;
}

/** The nearest point within 45 degrees of the direction (dx, dy) from point `from`; null if there is none. */
export function nearestInDirection(points: Points, from: number, dx: number, dy: number): number | null {
  const [x, y] = [points.x[from]!, points.y[from]!];
  let [best, bestSquared] = [-1, Infinity];
  for (let n = 0; n < points.x.length; n += 1) {
    const [ax, ay] = [points.x[n]! - x, points.y[n]! - y];
    const along = ax * dx + ay * dy;
    if (n === from || along <= 0 || Math.abs(ax * dy - ay * dx) > along) continue;
    const squared = ax * ax + ay * ay;
    if (squared < bestSquared) [best, bestSquared] = [n, squared];
  }
  return best < 0 ? null : best;
}

import { expect, test } from "vitest";
import { fit, PointIndex, nearestInDirection, zoomAt } from "../src/plot";

const points = { x: [0, 10, 0, 10, 5], y: [0, 0, 20, 20, 10] };

test("a fit map shows every point, within its margin", () => {
  const shift = fit(points, 300, 200, 10);
  for (let n = 0; n < points.x.length; n += 1) {
    const [x, y] = [points.x[n]! * shift.scale + shift.x, points.y[n]! * shift.scale + shift.y];
    expect(x).toBeGreaterThanOrEqual(10);
    expect(x).toBeLessThanOrEqual(290);
    expect(y).toBeGreaterThanOrEqual(10 - 1e-9);
    expect(y).toBeLessThanOrEqual(190 + 1e-9);
  }
});

test.each([
  [[], []],
  [[3], [4]],
  [
    [3, 3],
    [4, 4],
  ],
])("points at one place, or none, fit too", (x, y) => {
  const shift = fit({ x, y }, 300, 200);
  expect(Object.values(shift).every(Number.isFinite)).toBe(true);
});

test("zooming leaves the point under the pointer where it is", () => {
  const before = { scale: 2, x: 5, y: 7 };
  const after = zoomAt(before, 3, 45, 27);
  expect(after.scale).toBe(6);
  expect(((45 - before.x) / before.scale) * after.scale + after.x).toBeCloseTo(45);
  expect(((27 - before.y) / before.scale) * after.scale + after.y).toBeCloseTo(27);
});

test("the nearest point is that which looking at all would find", () => {
  const chance = (n: number): number => Math.abs(Math.sin(n * 12.9898) * 43758.5453) % 1;
  const many = { x: [] as number[], y: [] as number[] };
  for (let n = 0; n < 500; n += 1) {
    many.x.push(chance(n) * 100);
    many.y.push(chance(n + 0.5) * 60);
  }
  const squares = new PointIndex(many);
  for (let n = 0; n < 200; n += 1) {
    const [x, y, reach] = [chance(n + 0.1) * 110 - 5, chance(n + 0.2) * 70 - 5, 4];
    const far = many.x.map((px, at) => Math.hypot(px - x, many.y[at]! - y));
    const least = Math.min(...far);
    expect(squares.nearest(x, y, reach)).toBe(least < reach ? far.indexOf(least) : null);
  }
});

test("an arrow leads to the nearest point in its direction", () => {
  expect(nearestInDirection(points, 0, 1, 0)).toBe(1);
  expect(nearestInDirection(points, 0, 0, 1)).toBe(4);
  expect(nearestInDirection(points, 4, 0, -1)).toBe(0);
  expect(nearestInDirection(points, 1, 1, 0)).toBeNull();
});

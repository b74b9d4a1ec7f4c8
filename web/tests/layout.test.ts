import { expect, test } from "vitest";
import { fitGrid, gridHeight, moveFocus, itemPosition, visibleRange } from "../src/layout";

const grid = { columns: 4, tile: 100, step: 150 };

test.each([
  [1000, 132, 14, 6],
  [358, 132, 14, 2],
  [240, 132, 14, 2],
  [120, 132, 14, 1],
])("in %i pixels tiles of at least %i with %i between them stand in %i columns", (width, least, gap, columns) => {
  const made = fitGrid(width, { minWidth: least, gap, below: 62 });
  expect(made.columns).toBe(columns);
  expect(made.tile * columns + gap * (columns - 1)).toBeCloseTo(width);
});

test("a row is as high as its tiles, the text below them and the gap", () => {
  expect(fitGrid(1000, { minWidth: 100, gap: 0, below: 20, ratio: 0.5 })).toEqual({ columns: 10, tile: 100, step: 70 });
});

test("the last row counts as a whole one", () => {
  expect(gridHeight(grid, 0)).toBe(0);
  expect(gridHeight(grid, 4)).toBe(150);
  expect(gridHeight(grid, 5)).toBe(300);
});

test("what is in view is made, with spare rows around it, and never more than there is", () => {
  expect(visibleRange(grid, 1000, 0, 300, 1)).toEqual({ first: 0, end: 12 });
  expect(visibleRange(grid, 1000, 1500, 300, 1)).toEqual({ first: 36, end: 52 });
  expect(visibleRange(grid, 10, 0, 3000)).toEqual({ first: 0, end: 10 });
  expect(visibleRange(grid, 10, 9000, 300)).toEqual({ first: 10, end: 10 });
});

test("however long the list, few tiles are made", () => {
  for (let top = 0; top < gridHeight(grid, 100_000); top += 99_991) {
    const { first, end } = visibleRange(grid, 100_000, top, 1000);
    expect(end - first).toBeLessThanOrEqual((Math.ceil(1000 / grid.step) + 1 + 6) * grid.columns);
  }
});

test("an item's place is that of its row and column", () => {
  expect(itemPosition(grid, 10, 0)).toEqual({ left: 0, top: 0 });
  expect(itemPosition(grid, 10, 6)).toEqual({ left: 220, top: 150 });
});

test.each([
  ["ArrowRight", 5, 6],
  ["ArrowLeft", 0, 0],
  ["ArrowDown", 5, 9],
  ["ArrowUp", 5, 1],
  ["ArrowUp", 1, 1],
  ["ArrowDown", 7, 9],
  ["ArrowDown", 8, 8],
  ["ArrowDown", 9, 9],
  ["Home", 7, 0],
  ["End", 2, 9],
  ["PageDown", 0, 8],
  ["PageUp", 9, 1],
])("%s leads from item %i of ten to %i", (key, from, to) => {
  expect(moveFocus(key, from, 10, 4, 2)).toBe(to);
});

test("other keys lead nowhere", () => {
  expect(moveFocus("a", 3, 10, 4, 2)).toBeNull();
});

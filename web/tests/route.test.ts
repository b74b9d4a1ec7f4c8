import { expect, test } from "vitest";
import { address } from "../src/api";
import { parseHash, formatHash } from "../src/state/route";

test.each(["#/people/12", "#/photos?person=1%2C2&order=taken", "#/search"])(
  "%s is read and written the same",
  (hash) => {
    const { path, query } = parseHash(hash);
    expect(formatHash(path, query)).toBe(hash);
  },
);

test("an empty address is no place", () => {
  expect(parseHash("").path).toEqual([]);
  expect(parseHash("#").path).toEqual([]);
});

test("a query leaves out what is empty, repeats lists and keeps what could be markup as it is", () => {
  expect(address("/people", { q: "", hidden: false, after: null })).toBe("/api/v1/people");
  expect(address("/search", { person: ["#1", "#2"], limit: 0 })).toBe("/api/v1/search?person=%231&person=%232&limit=0");
  expect(address("/people", { q: "<b>&" })).toBe("/api/v1/people?q=%3Cb%3E%26");
});

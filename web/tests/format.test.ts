import { expect, test } from "vitest";
import { clock, day, distance, fileName, hue, parseDate, probability } from "../src/format";

test.each([
  [null, "–"],
  [0, "0.00"],
  [0.004, "0.004"],
  [0.617, "0.62"],
  [1.2, "1.20"],
])("the distance %s reads %s", (value, text) => {
  expect(distance(value)).toBe(text);
});

test.each([
  [null, "–"],
  [1, ">99.9%"],
  [0, "<0.1%"],
  [0.9951, "99.5%"],
  [0.9949, "99%"],
  [0.5, "50%"],
  [0.004, "0.4%"],
])("the probability %s reads %s, and never claims certainty", (value, text) => {
  expect(probability(value)).toBe(text);
});

test("times come as seconds or as text, and what is neither is nothing", () => {
  expect(parseDate(0)?.toISOString()).toBe("1970-01-01T00:00:00.000Z");
  expect(parseDate("2026-01-02T03:04:05Z")?.getTime()).toBe(1767323045000);
  expect(parseDate(null)).toBeNull();
  expect(parseDate("yesterday")).toBeNull();
  expect(day(undefined, "en")).toBe("");
  expect(day(1_000_000_000, "ja")).toContain("2001");
});

test.each([
  [0, "0:00"],
  [61.9, "1:01"],
  [3723, "1:02:03"],
])("%f seconds into a video read %s", (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});

test("a file's name is the last part of its path, on any system", () => {
  expect(fileName("/a/b/c.jpg")).toBe("c.jpg");
  expect(fileName("C:\\a\\b.jpg")).toBe("b.jpg");
  expect(fileName("c.jpg")).toBe("c.jpg");
});

test("neighbours in number are far apart in colour", () => {
  for (let person = 1; person < 50; person += 1) {
    const apart = Math.abs(hue(person) - hue(person + 1));
    expect(Math.min(apart, 360 - apart)).toBeGreaterThan(100);
  }
});

// @vitest-environment happy-dom
import { fireEvent, render, screen } from "@testing-library/preact";
import { beforeEach, expect, test } from "vitest";
import { gallery } from "../../src/state/app";
import { clearSearch, excluded, hits, maxDistance, results, selected, sliderDistance } from "../../src/state/search";
import type { Gallery, Hit, SearchResponse } from "../../src/types";
import { Hits } from "../../src/views/search/Hits";
import { setLanguage } from "../../src/words";
import { face } from "./setup";

const hit = (rank: number, distance: number): Hit => ({
  rank,
  distance,
  probability: 0.9,
  face: face(rank),
  path: `photos/${rank}.jpg`,
});

const response = (all: Hit[]): SearchResponse =>
  ({
    answers: [{ probe: { name: "image" }, hits: all }],
    info: {
      model: "dlib-resnet",
      metric: "euclidean",
      threshold: 0.6,
      threshold_kind: "model",
      threshold_source: "best on LFW folds 1-5",
      prior: 0.5,
      searched: 1234,
      false_matches: 123.4,
    },
    problems: [],
  }) as unknown as SearchResponse;

beforeEach(() => {
  setLanguage("en");
  clearSearch();
  [selected.value, sliderDistance.value] = [0, null];
  results.value = response([hit(1, 0.2), hit(2, 0.4), hit(3, 0.8)]);
});

test("only hits below the threshold are counted, until the slider is moved", () => {
  render(<Hits />);
  expect(screen.getByRole("status").textContent).toBe("2 faces below 0.60");
  sliderDistance.value = 0.9;
  expect(maxDistance.value).toBe(0.9);
  expect(hits.value).toHaveLength(3);
});

test("the line below the hits names model, threshold, false matches and prior", () => {
  const { container } = render(<Hits />);
  expect(container.querySelector(".basis")!.textContent).toBe(
    "1,234 faces searched · dlib-resnet · Euclidean distance · same person below 0.60 (best on LFW folds 1-5) · " +
      "about 120 false matches expected · probabilities with prior 0.5",
  );
});

test("in Japanese no English is left in it but names", () => {
  setLanguage("ja");
  const { container } = render(<Hits />);
  const text = container.querySelector(".basis")!.textContent;
  expect(text).toContain("0.60未満なら同一人物（LFWのフォールド1～5で最良の値");
  expect(text.replace(/dlib-resnet|LFW|MTCNN|px/g, "")).not.toMatch(/[a-z]{2}/i);
});

test("without a hit below the threshold the nearest can be shown", () => {
  results.value = response([hit(1, 0.7), hit(2, 0.8)]);
  render(<Hits />);
  expect(screen.getByText("No face below 0.60. The nearest is at 0.70.")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Show the nearest faces" }));
  expect(hits.value).toHaveLength(2);
});

test("without any face the page says what to do", () => {
  results.value = response([]);
  gallery.value = { faces: 0 } as Gallery;
  const { unmount } = render(<Hits />);
  expect(screen.getByText("Add photos first.")).toBeTruthy();
  unmount();
  gallery.value = { faces: 10 } as Gallery;
  excluded.value = [];
  render(<Hits />);
  expect(screen.getByText("No face matches the filters.")).toBeTruthy();
});

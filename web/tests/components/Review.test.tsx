// @vitest-environment happy-dom
import { fireEvent, render, screen } from "@testing-library/preact";
import { beforeEach, expect, test } from "vitest";
import { session } from "../../src/state/app";
import { ReviewView } from "../../src/views/Review";
import { setLanguage } from "../../src/words";
import { face, mockServer, person } from "./setup";

const ada = person(1, "Ada");
const reviews = {
  reviews: [
    { face: face(7), person: ada, distance: 0.41, probability: 0.9 },
    { face: face(7), person: person(2, "Grace"), distance: 0.5, probability: 0.6 },
    { face: face(8), person: ada, distance: 0.6, probability: null },
  ],
};

beforeEach(() => {
  setLanguage("en");
  session.value = { role: "write", keys: false, version: "", model: "" };
});

const serve = () =>
  mockServer({
    "/reviews": reviews,
    "/journal": { entries: [{ id: 5 }] },
    "/people/": { faces: [] },
    "/gallery": { reviews: 3 },
  });

test("Y answers yes, and the other questions about the same face are dropped", async () => {
  const requests = serve();
  render(<ReviewView />);
  await screen.findByText("Is this Ada?");
  expect(screen.getByText(/distance 0.41/).textContent).toContain("probability of same person 90%");
  fireEvent.keyDown(document.body, { key: "y" });
  await screen.findByText(/distance 0.60/);
  expect(requests.filter(({ method }) => method === "POST")).toEqual([
    { method: "POST", path: "/reviews", body: { face: 7, person: 1, answer: "yes" } },
  ]);
});

test("a button answers no, and the face's next question follows", async () => {
  serve();
  render(<ReviewView />);
  fireEvent.click(await screen.findByRole("button", { name: /No/ }));
  await screen.findByText("Is this Grace?");
});

test("whoever may only read sees no answers", async () => {
  session.value = { role: "read", keys: true, version: "", model: "" };
  const requests = serve();
  render(<ReviewView />);
  await screen.findByText("Is this Ada?");
  expect(screen.queryByRole("button", { name: /Yes/ })).toBeNull();
  fireEvent.keyDown(document.body, { key: "y" });
  expect(requests.some(({ method }) => method === "POST")).toBe(false);
});

test("in Japanese the question is Japanese", async () => {
  setLanguage("ja");
  serve();
  render(<ReviewView />);
  await screen.findByText("この人はAdaですか？");
});

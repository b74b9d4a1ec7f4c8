// @vitest-environment happy-dom
import { fireEvent, render } from "@testing-library/preact";
import { expect, test } from "vitest";
import { Chip } from "../../src/components/Chip";
import "./setup";

test("another face gets an image element of its own, so that the old one's errors do not count for it", () => {
  const { container, rerender } = render(<Chip face={1} />);
  const first = container.querySelector("img")!;
  rerender(<Chip face={2} />);
  expect(container.querySelector("img")).not.toBe(first);
  fireEvent.error(container.querySelector("img")!);
  expect(container.querySelector("img")).toBeNull();
  rerender(<Chip face={3} />);
  expect(container.querySelector("img")).not.toBeNull();
});

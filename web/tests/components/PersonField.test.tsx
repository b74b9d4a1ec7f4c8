// @vitest-environment happy-dom
import { fireEvent, render, screen } from "@testing-library/preact";
import { expect, test, vi } from "vitest";
import { PersonField } from "../../src/components/PersonField";
import { mockServer, person } from "./setup";

const people = { people: [person(1, "Ada"), person(2, "Adam")] };

async function type(text: string): Promise<HTMLElement> {
  const field = screen.getByRole("combobox");
  fireEvent.focus(field);
  fireEvent.input(field, { target: { value: text } });
  await screen.findAllByRole("option");
  return field;
}

test("names are suggested while typing, and the arrow keys and Enter pick one", async () => {
  const requests = mockServer({ "/people": people });
  const pick = vi.fn();
  render(<PersonField label="Name" pick={pick} />);
  const field = await type("Ad");
  expect(requests.at(-1)!.path).toContain("q=Ad");
  expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual(["Ada1 face", "Adam2 faces"]);
  fireEvent.keyDown(field, { key: "ArrowDown" });
  fireEvent.keyDown(field, { key: "ArrowDown" });
  fireEvent.keyDown(field, { key: "Enter" });
  expect(pick).toHaveBeenCalledExactlyOnceWith(people.people[1]);
});

test("excluded people are not suggested", async () => {
  mockServer({ "/people": people });
  render(<PersonField label="Name" pick={vi.fn()} exclude={[1]} />);
  await type("Ad");
  expect(screen.getAllByRole("option")).toHaveLength(1);
});

test("a name that is not a suggestion is entered, and the same name again picks the person", async () => {
  mockServer({ "/people": people });
  const [pick, enterName] = [vi.fn(), vi.fn()];
  render(<PersonField label="Name" pick={pick} enterName={enterName} />);
  fireEvent.keyDown(await type("Grace"), { key: "Enter" });
  expect(enterName).toHaveBeenCalledExactlyOnceWith("Grace");
  fireEvent.keyDown(await type("Ada"), { key: "Enter" });
  expect(pick).toHaveBeenCalledExactlyOnceWith(people.people[0]);
});

test("Enter during a conversion from kana enters nothing, and Escape cancels", async () => {
  mockServer({ "/people": people });
  const [enterName, cancel] = [vi.fn(), vi.fn()];
  render(<PersonField label="Name" pick={vi.fn()} enterName={enterName} cancel={cancel} />);
  const field = await type("あだ");
  fireEvent.keyDown(field, { key: "Enter", isComposing: true });
  expect(enterName).not.toHaveBeenCalled();
  fireEvent.keyDown(field, { key: "Escape" });
  expect(cancel).toHaveBeenCalledOnce();
});

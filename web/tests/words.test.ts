import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { interpolate, pickLanguage } from "../src/words";
import { cardsJa } from "../src/words/cards.ja";
import { en } from "../src/words/en";
import { ja } from "../src/words/ja";

const placeholders = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].sort();

test("both languages have the same words", () => {
  expect(Object.keys(ja).sort()).toEqual(Object.keys(en).sort());
});

test.each(Object.keys(en) as (keyof typeof en)[])("%s is t in both languages, with the same values in it", (key) => {
  expect(ja[key].trim()).not.toBe("");
  const allowed = new Set([...placeholders(en[key]), "{n}"]);
  for (const name of placeholders(ja[key])) expect(allowed).toContain(name);
  for (const name of placeholders(en[key])) expect(placeholders(ja[key])).toContain(name);
});

const openapi = JSON.parse(readFileSync(join(import.meta.dirname, "../openapi.json"), "utf8")) as {
  components: {
    schemas: {
      Document: { properties: { code: { enum: string[]; description: string } } };
      JournalChange: { properties: { kind: { enum: string[] } } };
    };
  };
};
const codes = openapi.components.schemas.Document.properties.code;

test.each(codes.enum)(
  "the server's code %s has a sentence in both languages, with values that the server sends",
  (code) => {
    const key = `error.${code}` as keyof typeof en;
    expect(en[key]).toBeTruthy();
    expect(ja[key]).toBeTruthy();
    const line = codes.description.split("\n").find((one) => one.startsWith(`- \`${code}\``)) ?? "";
    const values = (/Values: (.*?)\.$/.exec(line)?.[1] ?? "").split(", ");
    for (const name of placeholders(en[key])) expect(values).toContain(name.slice(1, -1));
  },
);

test("every sentence for a problem belongs to a code of the server's, or to a failure without one", () => {
  const known = new Set([...codes.enum, "unreachable", "unknown"].map((code) => `error.${code}`));
  expect(Object.keys(en).filter((key) => key.startsWith("error.") && !known.has(key))).toEqual([]);
});

test("every text is used somewhere", () => {
  const folder = join(import.meta.dirname, "../src");
  const code = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !/^words\/(en|ja|problems)/.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  const isUsed = (key: string): boolean => {
    const stems = key.split(".").map((_, n, parts) => parts.slice(0, n).join("."));
    return code.includes(`"${key}"`) || stems.some((stem) => stem && code.includes(`\`${stem}.\${`));
  };
  expect(Object.keys(en).filter((key) => !isUsed(key))).toEqual([]);
});

test("one is t as one, and other numbers as many", () => {
  expect(interpolate("one face|{n} faces", { n: 1 }, "en")).toBe("one face");
  expect(interpolate("one face|{n} faces", { n: 0 }, "en")).toBe("0 faces");
  expect(interpolate("one face|{n} faces", { n: 12345 }, "en")).toBe("12,345 faces");
  expect(interpolate("{a} and {b}", { a: "x" }, "en")).toBe("x and {b}");
});

test.each([
  [null, ["ja-JP", "en"], "ja"],
  [null, ["de", "ja"], "ja"],
  [null, ["de"], "en"],
  [null, ["en-GB", "ja"], "en"],
  ["ja", ["en"], "ja"],
  ["xx", ["en"], "en"],
] as const)("chosen %s, with a browser that wants %s, the page speaks %s", (chosen, browser, language) => {
  expect(pickLanguage(chosen, browser)).toBe(language);
});

const cards = join(import.meta.dirname, "../../src/nitakao/models/cards");
const TEXTS = ["title", "threshold_source", "weights_licence", "data_licence", "origin", "note"];

test.each(readdirSync(cards).filter((name) => name.endsWith(".toml")))("the card %s is translated", (file) => {
  const toml = readFileSync(join(cards, file), "utf8");
  const texts = cardsJa[/^name = "(.*?)"/m.exec(toml)![1]!];
  expect(texts).toBeDefined();
  for (const field of TEXTS)
    if (new RegExp(`^${field} = "(?!")`, "m").test(toml)) expect(texts![field], field).toBeTruthy();
  if (toml.includes("\n[calibration]")) expect(texts!["calibration"]).toBeTruthy();
});

test("every kind of change in the journal is translated", () => {
  const { JournalChange } = openapi.components.schemas;
  const kinds = JournalChange.properties.kind.enum;
  expect(
    Object.keys(en)
      .filter((key) => key.startsWith("change."))
      .sort(),
  ).toEqual(kinds.map((kind) => `change.${kind}`).sort());
});

"""Write the model cards into docs/models.md; with --check, fail if they are out of date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from nitakao.models.cards.registry import cards
from nitakao.values import CropRule, ModelCard, Normalisation, WeightsFile

PAGE = Path(__file__).with_name("models.md")
BEGIN, END = "<!-- cards: written by docs/cards.py -->", "<!-- end of the cards -->"


def table() -> str:
    rows = ["| model | size | same person below | weights | commercial use |", "|---|---|---|---|---|"]
    for card in cards():
        weights = ", ".join(sorted({_source(f) for f in card.files}))
        below = f"{card.threshold:g} ({card.metric})"
        rows.append(f"| [`{card.name}`](#{card.name}) | {card.dimension} | {below} | {weights} | {card.commercial} |")
    return "\n".join(rows)


def section(card: ModelCard) -> str:
    lines = [f"### {card.name}", "", f"{card.title}.", ""]
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in _facts(card))])


def _facts(card: ModelCard) -> Iterator[tuple[str, str]]:
    length = "unit length" if card.unit_length else "not of unit length"
    yield "vector", f"size {card.dimension}, {length}, {card.metric} distance"
    yield "same person below", f"{card.threshold:g}. Source: {card.threshold_source}"
    yield "crop", _crop(card.crop)
    yield "pixels", f"{card.channels}, {_normalisation(card.normalisation)}"
    yield "licence of weights", card.weights_licence
    yield "training data", card.data_licence
    yield "commercial use", f"**{card.commercial}**"
    for file in card.files:
        known = f", known hashes `{'`, `'.join(file.known)}`" if file.known else ""
        digest = f"sha256 `{file.sha256}`" if file.sha256 else f"no published hash{known}"
        yield "file", f"`{file.name}`, {_source(file)}; {digest}"
    yield "origin", card.origin
    if card.note:
        yield "note", card.note


def _source(file: WeightsFile) -> str:
    if file.package:
        return f"in the package {file.package}"
    if not file.urls:
        return "created by `nitakao models import`"
    return f"downloaded from {urlsplit(file.urls[0]).hostname}"


def _crop(crop: CropRule) -> str:
    side = f"{crop.size} x {crop.size} pixels"
    if crop.kind == "template":
        return f"aligned to a template by five landmarks, {side}"
    unit = "photograph" if crop.kind == "article" else "crop"
    return f"the face box with a margin of {crop.margin:g} {unit} pixels, {side}"


def _normalisation(rule: Normalisation) -> str:
    if rule.kind == "per-picture":
        return "(x - picture mean) / picture standard deviation"
    mean, scale = (", ".join(f"{v:g}" for v in dict.fromkeys(values)) for values in (rule.mean, rule.scale))
    return f"(x - {mean}) / {scale}" if len(set(rule.mean)) == 1 else f"(x - ({mean})) / {scale}"


def text() -> str:
    """The whole page, with the part between the two markers regenerated."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    generated = "\n\n".join([BEGIN, table(), *map(section, cards()), END])
    return before + generated + rest.split(END)[1]


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != text():
            raise SystemExit("docs/models.md is out of date: run 'make docs'")
    else:
        PAGE.write_text(text(), encoding="utf-8")

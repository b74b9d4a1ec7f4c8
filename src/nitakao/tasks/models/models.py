"""List, show, fetch, verify and import models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nitakao.errors import NitakaoError, WeightsError
from nitakao.models import golden
from nitakao.models.cards import registry
from nitakao.models.onnx.session import Device
from nitakao.models.weights import files
from nitakao.models.weights.download import Progress
from nitakao.values import Check, ModelCard, NormalisationKind


@dataclass(frozen=True)
class Listed:
    """A model.  here: whether all its files are installed; `verify` checks their content."""

    card: ModelCard
    here: bool


def listing() -> tuple[list[Listed], list[str]]:
    """All models, nitakao's own first, and a sentence per card that cannot be read."""
    own, problems = registry.user_cards()
    return [Listed(c, all(files.find(f) for f in c.files)) for c in (*registry.cards(), *own)], problems


def show(name: str) -> dict[str, Any]:
    """All fields of a card as plain values; `paths` has the path of each file, None if it is not installed."""
    card = registry.card(name)
    paths = [files.find(f) for f in card.files]
    return {**registry.to_dict(card), "paths": [None if p is None else str(p) for p in paths]}


def fields(card: ModelCard) -> dict[str, Any]:
    """All fields of a card as plain values, except the golden vector."""
    found = registry.to_dict(card)
    del found["golden"]
    return found


def fetch(name: str, *, progress: Progress | None = None) -> list[Path]:
    """Download the files of a model that are not installed, and check each against the card; returns their paths.

    A model without a hash on its card is checked by its golden vector.
    """
    card = registry.card(name)
    paths = [files.locate(f, progress=progress) for f in card.files]
    if card.golden and not all(f.sha256 for f in card.files):
        check = network(card, Device())
        if not check.ok:
            raise WeightsError(f"{', '.join(map(str, paths))}: not the weights of {name}: {check.detail}")
    return paths


def verify(name: str, *, device: Device | None = None) -> list[Check]:
    """Check a model's files against the card's hashes, and its network against the golden vector. No downloads."""
    card = registry.card(name)
    checks = [_file(held) for held in files.verify(card)]
    if all(c.ok for c in checks):
        checks.append(network(card, device or Device()))
    return checks


def import_model(
    path: Path,
    *,
    name: str | None = None,
    size: int = 0,
    margin: float | None = None,
    normalisation: NormalisationKind | None = None,
) -> ModelCard:
    """Import a TensorFlow model (a folder with .meta and .ckpt files, or a frozen .pb) and return its card.

    Args:
        path: The folder or file.
        name: Name of the model.
        size: Side of the crops in pixels, if the network is not a known one.
        margin: Margin of the crops in pixels, likewise.
        normalisation: Normalisation of the pixels, likewise.
    """
    from nitakao.models import importer

    return importer.import_model(path, name=name, size=size, margin=margin, normalisation=normalisation)


def network(card: ModelCard, device: Device) -> Check:
    """Check the card's network on this device against the golden vector."""
    from nitakao.models import embedder

    try:
        return golden.check(embedder.load(card, device=device), card)
    except NitakaoError as error:
        return Check("network", False, str(error))


def _file(held: files.WeightsStatus) -> Check:
    if held.problem:
        return Check(held.file.name, False, held.problem)
    if held.file.sha256:
        return Check(held.file.name, True, f"{held.path}, sha256 as on the card")
    return Check(held.file.name, True, f"{held.path}, as at first use: no hash is known for certain")

"""What there is to know and do about models: list, show, fetch, verify, import."""

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
    """One model. here: whether all its files are on this machine; their content is looked at by `verify`."""

    card: ModelCard
    here: bool


def listing() -> tuple[list[Listed], list[str]]:
    """Every model, nitakao's own first, then the user's; and a sentence for each card that cannot be read."""
    own, problems = registry.user_cards()
    return [Listed(c, all(files.find(f) for f in c.files)) for c in (*registry.cards(), *own)], problems


def show(name: str) -> dict[str, Any]:
    """Every field of the card, as plain values; `paths` tells where its files are, None where they are not here."""
    card = registry.card(name)
    paths = [files.find(f) for f in card.files]
    return {**registry.to_dict(card), "paths": [None if p is None else str(p) for p in paths]}


def fields(card: ModelCard) -> dict[str, Any]:
    """Every field of a card as plain values, but for the vector that its weights are held to."""
    found = registry.to_dict(card)
    del found["golden"]
    return found


def fetch(name: str, *, progress: Progress | None = None) -> list[Path]:
    """The paths of the model's files, fetched if they were not here, each checked against the card.

    Where the card has no hash to hold a file to, the network is built from it and held to the golden vector.
    """
    card = registry.card(name)
    paths = [files.locate(f, progress=progress) for f in card.files]
    if card.golden and not all(f.sha256 for f in card.files):
        check = network(card, Device())
        if not check.ok:
            raise WeightsError(f"{', '.join(map(str, paths))}: not the weights of {name}: {check.detail}")
    return paths


def verify(name: str, *, device: Device | None = None) -> list[Check]:
    """The model's files against the card's hashes, then the network itself on the golden picture. Fetches nothing."""
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
    """The card of a TensorFlow model (a folder with .meta and .ckpt files, or a frozen .pb), made nitakao's own.

    size, margin, normalisation: how the network wants its faces, where it is not one of those known by name.
    """
    from nitakao.models import importer

    return importer.import_model(path, name=name, size=size, margin=margin, normalisation=normalisation)


def network(card: ModelCard, device: Device) -> Check:
    """Whether the card's network, loaded on this device, gives what the card says."""
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

"""Pack a trained model for others: network, card, licence and metrics in one file."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from nitakao.errors import ModelError, WeightsError
from nitakao.models import golden
from nitakao.models.cards import card_toml, registry
from nitakao.models.embedder import load
from nitakao.models.weights import files
from nitakao.system.atomic_write import open_atomic
from nitakao.values import Commercial, ModelCard

METRICS = "metrics.json"
UNSTATED = "not stated"
WHEN = (1980, 1, 1, 0, 0, 0)  # the same model gives the same file, whenever it is packed


def publish(
    model: str,
    out: Path | None = None,
    *,
    licence: str | None = None,
    data_licence: str | None = None,
    commercial: Commercial | None = None,
) -> tuple[Path, ModelCard]:
    """Pack a model into a zip file, after checking its network against its card.

    Args:
        model: A folder that `nitakao train` wrote, a card or a name.
        out: The file. None: NAME.zip in the current folder.
        licence: Licence of the weights, in place of the card's.
        data_licence: Licence of the training data, in place of the card's.
        commercial: Whether commercial use is allowed, in place of the card's.

    Returns:
        The file and the card in it.

    Raises:
        ModelError: If the card states no licence or names several files, or the network does not match its card.
    """
    card = registry.card(model)
    card = replace(
        card,
        weights_licence=licence or card.weights_licence,
        data_licence=data_licence or card.data_licence,
        commercial=commercial or card.commercial,
    )
    for told, option in ((card.weights_licence, "--licence"), (card.data_licence, "--data-licence")):
        if told.startswith(UNSTATED):
            raise ModelError(
                f"the card of {card.name} states no licence: say under what others may use it, with {option}"
            )
    if len(card.files) != 1:
        raise ModelError(f"the card of {card.name} names {len(card.files)} files: a model of one file can be packed")
    path = files.locate(card.files[0])
    looked = golden.check(load(card), card)
    if not looked.ok:
        raise ModelError(f"{card.name} is not what its card says: {looked.detail}")
    metrics = path.parent / METRICS
    parts = {
        card.files[0].name: path.read_bytes(),
        f"{card.name}.toml": card_toml.dump(card).encode("utf-8"),
        "README.md": _readme(card, metrics).encode("utf-8"),
        "LICENCE.txt": _licence(card).encode("utf-8"),
    }
    if metrics.is_file():
        parts[METRICS] = metrics.read_bytes()
    return _packed(out or Path(f"{card.name}.zip"), card.name, parts), card


def _packed(out: Path, name: str, parts: dict[str, bytes]) -> Path:
    """Write a zip file with one folder, atomically."""
    try:
        with open_atomic(out) as written, zipfile.ZipFile(written, "w") as archive:
            for file, content in parts.items():
                entry = zipfile.ZipInfo(f"{name}/{file}", WHEN)
                entry.external_attr = 0o644 << 16
                # Weights are noise to a packer: stored, they are read at once and shorter by a per cent at most.
                packed = zipfile.ZIP_STORED if file.endswith((".onnx", ".pt", ".t7")) else zipfile.ZIP_DEFLATED
                archive.writestr(entry, content, packed)
    except OSError as error:
        raise WeightsError(f"'{out}' cannot be written: {error.strerror or error}") from error
    return out


def _licence(card: ModelCard) -> str:
    return (
        f"{card.name}\n\nWeights: {card.weights_licence}\nTraining data: {card.data_licence}\n"
        f"Commercial use: {card.commercial}\n"
    )


def _readme(card: ModelCard, metrics: Path) -> str:
    """What a user needs to know before using the model."""
    lines = [f"# {card.name}", "", card.title, "", f"- {card.dimension} numbers a face, {card.metric}"]
    if card.has_threshold:
        lines.append(f"- one person below {card.threshold:g}: {card.threshold_source}")
    lines += [f"- crops: {card.crop.kind}, {card.crop.size} px; pixels: {card.normalisation.kind}, {card.channels}"]
    lines += [f"- origin: {card.origin}"] if card.origin else []
    lines += ["", card.note] if card.note else []
    lines += ["", *_judged(metrics), "## Licence", "", f"Weights: {card.weights_licence}. Data: {card.data_licence}."]
    lines += [f"Commercial use: {card.commercial}.", "", "## Use", "", "Unpack it, then:", ""]
    return "\n".join([*lines, f"    nitakao verify --model {card.name} one.jpg other.jpg", ""])


def _judged(metrics: Path) -> list[str]:
    """Its metrics on held-out people, as a table."""
    try:
        found: Any = json.loads(metrics.read_text("utf-8"))["validation"]
        rows = [f"| {key} | {value:g} |" for key, value in found.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return ["## On people held out", "", "| figure | value |", "|---|---|", *rows, ""]

"""What a training is asked for: one value that a run keeps beside its checkpoints."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any

from nitakao.errors import MisuseError, TrainingError

NETWORKS = ("mobilefacenet", "facenet", "nn4-small2")
LOSSES = ("cosface", "arcface", "softmax", "centre", "triplet", "batch-hard")
TRIPLETS = ("triplet", "batch-hard")  # losses that compare pictures within a batch: each person needs two
OPTIMISERS = ("adamw", "sgd")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
AUGMENTATIONS = ("flip", "jitter", "colour", "jpeg", "blur", "cutout")
# A margin where none is given. triplet: FaceNet paper, 3.3, on squared distances; batch-hard: Hermans et al. 2017,
# arXiv:1703.07737, table 1; cosface: Wang et al. 2018, arXiv:1801.09414, 4.2; arcface: Deng et al. 2019,
# arXiv:1801.07698, 2.3.
MARGINS = {"triplet": 0.2, "batch-hard": 0.2, "cosface": 0.35, "arcface": 0.5, "softmax": 0.0, "centre": 0.0}


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that makes two trainings on the same pictures the same.

    network: one of NETWORKS.  size, dimension: side of the crops, numbers a face; 0 for the network's own.
    width: factor on all channels.  unit_length: whether the model gives vectors of length 1.  dropout: before the last
    layer of facenet.
    loss: one of LOSSES.  margin: None for the loss's own.  scale: what cosines are multiplied by (cosface, arcface).
    centre_weight: of the centre loss beside the softmax.  warm_up: steps in which the margin grows from 0.
    people, pictures: how many people a batch has, and pictures of each.  natural: pictures are drawn as often as they
    are there, not each person alike; losses without triplets only.
    steps: updates in all.  accumulate: batches added up in one update.  schedule: 'cosine', 'step', or lines of
    davidsandberg's 'epoch: rate' files.  epoch: updates that count as one there; 0 for once through the pictures.
    ema: how much a step keeps of the mean of the weights, which becomes the model; 0 for the weights themselves.
    precision: 'auto' is bf16 on a GPU that has it, else fp32.
    held_out: share of the people who are not trained on.  far: the false accept rate at which models are judged.
    patience: evaluations without a better VAL@FAR before the training ends; 0 for never.
    freeze: patterns of names of layers that stay as they are.  only: patterns of those that do not; all others stay.
    """

    network: str = "mobilefacenet"
    size: int = 0
    dimension: int = 0
    width: float = 1.0
    unit_length: bool = True
    dropout: float = 0.0
    loss: str = "cosface"
    margin: float | None = None
    scale: float = 30.0
    centre_weight: float = 0.003  # Wen et al. 2016, ECCV, section 4.1: lambda
    warm_up: int = 200
    people: int = 16
    pictures: int = 4
    natural: bool = False
    steps: int = 2000
    accumulate: int = 1
    optimiser: str = "adamw"
    rate: float = 1e-3
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    epoch: int = 0
    ema: float = 0.999
    precision: str = "auto"
    held_out: float = 0.1
    far: float = 1e-3
    evaluate_every: int = 200
    keep_every: int = 200
    patience: int = 0
    freeze: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    augment: tuple[str, ...] = AUGMENTATIONS
    seed: int = 0

    def __post_init__(self) -> None:
        _one_of("network", self.network, NETWORKS)
        _one_of("loss", self.loss, LOSSES)
        _one_of("optimiser", self.optimiser, OPTIMISERS)
        _one_of("precision", self.precision, PRECISIONS)
        for word in self.augment:
            _one_of("augmentation", word, AUGMENTATIONS)
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= least):
                raise MisuseError(f"{name.replace('_', ' ')} is {least} or more, not {value}")
        for name in ("ema", "dropout", "held_out", "far"):
            if not 0 <= getattr(self, name) < 1:
                raise MisuseError(f"{name.replace('_', ' ')} lies from 0 up to below 1, not at {getattr(self, name)}")
        if self.far == 0 or self.rate == 0 or self.width == 0:
            raise MisuseError("a false accept rate, a learning rate and a width lie above 0")
        if self.loss in TRIPLETS and (self.people < 2 or self.pictures < 2 or self.natural):
            raise MisuseError(f"the loss '{self.loss}' needs batches of 2 or more people with 2 or more pictures each")
        if self.people * self.pictures < 2:
            raise MisuseError("a batch has two pictures or more: batch normalisation needs them")

    @property
    def batch(self) -> int:
        """Pictures in a batch."""
        return self.people * self.pictures

    @property
    def chosen_margin(self) -> float:
        return MARGINS[self.loss] if self.margin is None else self.margin

    @property
    def least_pictures(self) -> int:
        """How many pictures a person needs to be trained on."""
        return 2 if self.loss in TRIPLETS else 1


_LEAST = {
    "size": 0,
    "dimension": 0,
    "width": 0.0,
    "margin": 0.0,
    "scale": 1.0,
    "centre_weight": 0.0,
    "warm_up": 0,
    "people": 1,
    "pictures": 1,
    "steps": 1,
    "accumulate": 1,
    "rate": 0.0,
    "weight_decay": 0.0,
    "epoch": 0,
    "evaluate_every": 1,
    "keep_every": 1,
    "patience": 0,
    "seed": 0,
}


def _one_of(what: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        near = get_close_matches(value, words, 1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(words)}"
        raise MisuseError(f"no {what} '{value[:80]}': {hint}")


def dumps(settings: TrainingSettings) -> str:
    """As JSON, for `loads`."""
    return json.dumps(asdict(settings), indent=1) + "\n"


def loads(text: str, source: str) -> TrainingSettings:
    """The settings that `dumps` wrote. source: their file, for messages. Raises TrainingError for anything else."""
    try:
        found: dict[str, Any] = json.loads(text)
        known = {field.name for field in fields(TrainingSettings)}
        if unknown := set(found) - known:
            raise ValueError(f"'{min(unknown)}' is no setting of this nitakao")
        lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
        return TrainingSettings(**{**found, **lists})
    except (ValueError, TypeError, AttributeError, MisuseError) as error:
        raise TrainingError(f"'{source}' holds no settings of a training: {str(error)[:200]}") from error

"""The settings and the data of a training, which its run keeps beside its checkpoints."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any

from nitakao.errors import MisuseError, TrainingError
from nitakao.values import DetectorSettings

NETWORKS = ("mobilefacenet", "facenet", "nn4-small2")
LOSSES = ("cosface", "arcface", "softmax", "centre", "triplet", "batch-hard")
TRIPLETS = ("triplet", "batch-hard")  # losses on triplets: each person needs two pictures
OPTIMISERS = ("adamw", "sgd")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
AUGMENTATIONS = ("flip", "jitter", "colour", "jpeg", "blur", "cutout")
# Default margins. triplet: FaceNet paper, 3.3, on squared distances; batch-hard: Hermans et al. 2017,
# arXiv:1703.07737, table 1; cosface: Wang et al. 2018, arXiv:1801.09414, 4.2; arcface: Deng et al. 2019,
# arXiv:1801.07698, 2.3.
MARGINS = {"triplet": 0.2, "batch-hard": 0.2, "cosface": 0.35, "arcface": 0.5, "softmax": 0.0, "centre": 0.0}


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a training. Two trainings with the same settings and pictures are the same.

    Args:
        network: One of NETWORKS.
        size: Side of the crops in pixels; 0 for the network's default.
        dimension: Embedding size; 0 for the network's default.
        width: Factor on the number of channels of all layers.
        unit_length: Whether the model's vectors have length 1.
        dropout: Dropout before the last layer of facenet.
        loss: One of LOSSES.
        margin: Margin of the loss. None: the default of MARGINS.
        scale: Scale of the cosines in cosface and arcface.
        centre_weight: Weight of the centre loss, added to softmax.
        warm_up: Steps in which the margin grows from 0.
        people: People in a batch.
        pictures: Pictures of each person in a batch.
        natural: Draw every picture equally often, in place of every person. Not for TRIPLETS.
        steps: Number of steps.
        accumulate: Batches per step, whose gradients are accumulated.
        optimiser: One of OPTIMISERS.
        rate: Learning rate.
        weight_decay: Weight decay.
        schedule: 'cosine', 'step', or the text of a schedule file ('epoch: rate' lines).
        epoch: Steps per epoch of a schedule file; 0 for the number of steps until every picture has been used.
        ema: Decay of the exponential moving average of the weights, which becomes the model; 0 for no averaging.
        precision: One of PRECISIONS. 'auto' is bf16 on a GPU that supports it, else fp32.
        held_out: Share of people held out for validation.
        far: False accept rate of the validation rate.
        evaluate_every: Steps between validations.
        keep_every: Steps between checkpoints.
        patience: Stop after this many validations without improvement of VAL at FAR; 0 to never stop.
        freeze: Patterns of names of layers to freeze.
        only: Patterns of names of the layers to train; all others are frozen.
        augment: Augmentations, of AUGMENTATIONS.
        seed: Random seed.

    Raises:
        MisuseError: If a value is out of range.
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
        _check_choice("network", self.network, NETWORKS)
        _check_choice("loss", self.loss, LOSSES)
        _check_choice("optimiser", self.optimiser, OPTIMISERS)
        _check_choice("precision", self.precision, PRECISIONS)
        for word in self.augment:
            _check_choice("augmentation", word, AUGMENTATIONS)
        for name, minimum in _MINIMUMS.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= minimum):
                raise MisuseError(f"{name.replace('_', ' ')} is {minimum} or more, not {value}")
        for name in ("ema", "dropout", "held_out", "far"):
            if not 0 <= getattr(self, name) < 1:
                raise MisuseError(f"{name.replace('_', ' ')} is at least 0 and below 1, not {getattr(self, name)}")
        if self.far == 0 or self.rate == 0 or self.width == 0:
            raise MisuseError("false accept rate, learning rate and width are above 0")
        if self.loss in TRIPLETS and (self.people < 2 or self.pictures < 2 or self.natural):
            raise MisuseError(f"the loss '{self.loss}' needs batches of 2 or more people with 2 or more pictures each")
        if self.people * self.pictures < 2:
            raise MisuseError("a batch needs two pictures or more, for batch normalisation")

    @property
    def batch(self) -> int:
        """Number of pictures in a batch."""
        return self.people * self.pictures

    @property
    def margin_or_default(self) -> float:
        """The margin, or the default of the loss."""
        return MARGINS[self.loss] if self.margin is None else self.margin

    @property
    def min_pictures(self) -> int:
        """Fewest pictures of a person to train on."""
        return 2 if self.loss in TRIPLETS else 1


@dataclass(frozen=True)
class TrainingData:
    """What a network is trained on.

    Args:
        folder: Folder with one subfolder of pictures per person. Give either this or `gallery`.
        gallery: Gallery whose named people to train on.
        people: Names of the people of the folder to train on. Empty for all.
        pairs: List of pairs like LFW's pairs.txt to validate on as well.
        pairs_folder: Folder of the pictures of `pairs`.
        crops: Folder that caches face crops, to share between runs. None: a folder in the run's.
        initial_weights: Name or card of a model, .pt or .t7 file, or folder of another run, to start from. None: random
            weights.
        detector: The face detector. None: the default.
        name: Name of the model. None: the name of the run's folder.
    """

    folder: str | os.PathLike[str] | None = None
    gallery: str | None = None
    people: tuple[str, ...] = ()
    pairs: str | os.PathLike[str] | None = None
    pairs_folder: str | os.PathLike[str] | None = None
    crops: str | os.PathLike[str] | None = None
    initial_weights: str | None = None
    detector: DetectorSettings | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if (self.folder is None) == (self.gallery is None):
            raise MisuseError("a training needs a folder of people or a gallery: give one of them")
        if (self.pairs is None) != (self.pairs_folder is None):
            raise MisuseError("a list of pairs and the folder of its pictures go together: give both")


_MINIMUMS = {
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


def _check_choice(name: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        near = get_close_matches(value, words, 1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(words)}"
        raise MisuseError(f"no {name} '{value[:80]}': {hint}")


def dumps(settings: TrainingSettings) -> str:
    """The settings as JSON."""
    return json.dumps(asdict(settings), indent=1) + "\n"


def loads(text: str, source: str) -> TrainingSettings:
    """Read the JSON of `dumps`. source: the file, for messages. Raises TrainingError where it is malformed."""
    try:
        values: dict[str, Any] = json.loads(text)
        if unknown := set(values) - {field.name for field in fields(TrainingSettings)}:
            raise ValueError(f"'{min(unknown)}' is not a setting of this version of nitakao")
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return TrainingSettings(**{**values, **lists})
    except (ValueError, TypeError, AttributeError, MisuseError) as error:
        raise TrainingError(f"'{source}' has no valid training settings: {str(error)[:200]}") from error

"""The networks that can be trained: their modules, their inputs, and their ONNX graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from torch import nn

from nitakao.errors import MisuseError
from nitakao.models.networks import facenet as facenet_graph
from nitakao.models.networks import mobilefacenet as mobilefacenet_graph
from nitakao.models.networks import openface as openface_graph
from nitakao.training.networks.facenet import InceptionResnetV1
from nitakao.training.networks.mobilefacenet import MobileFaceNet
from nitakao.training.networks.openface import NN4Small2
from nitakao.training.settings import TrainingSettings
from nitakao.values import CropRule, ModelCard, Normalisation

Weights = Mapping[str, NDArray[Any]]

# Positions of the five landmarks in a crop of 112 pixels, the template of ArcFace and most later networks: Deng et al.
# 2019, arXiv:1801.07698, insightface's face_align.py.
ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
ARCFACE_SIDE = 112


@dataclass(frozen=True)
class Architecture:
    """A network architecture.

    Attributes:
        title: Name on cards.
        size: Default side of the crops, in pixels.
        dimension: Default embedding size.
        smallest: Smallest side of the crops, in pixels.
        normalisation: How the network takes pixels.
        make: Makes the network, from settings, side and embedding size.
        crop: The crop rule for a side.
        graph: Builds the ONNX graph of the network, from its weights and card.
        any_size: Whether it takes crops other than `size`.
    """

    title: str
    size: int
    dimension: int
    smallest: int
    normalisation: Normalisation
    make: Callable[[TrainingSettings, int, int], nn.Module]
    crop: Callable[[int], CropRule]
    graph: Callable[[Weights, ModelCard], bytes]
    any_size: bool = True


def _template(points: tuple[tuple[float, float], ...], side: int) -> Callable[[int], CropRule]:
    def crop(size: int) -> CropRule:
        # Coordinates are of pixel centres: (0, 0) is half a pixel from the corner, which scaling keeps.
        scale = size / side
        scaled = tuple((round((x + 0.5) * scale - 0.5, 3), round((y + 0.5) * scale - 0.5, 3)) for x, y in points)
        return CropRule("template", size, template=scaled)

    return crop


ARCHITECTURES: dict[str, Architecture] = {
    "mobilefacenet": Architecture(
        "MobileFaceNet",
        112,
        128,
        32,
        Normalisation("fixed"),
        lambda s, size, dimension: MobileFaceNet(dimension, size=size, width=s.width),
        _template(ARCFACE, ARCFACE_SIDE),
        mobilefacenet_graph.build_from,
    ),
    "facenet": Architecture(
        "Inception-ResNet-v1",
        160,
        512,
        75,
        Normalisation("fixed"),
        lambda s, size, dimension: InceptionResnetV1(dimension, dropout=s.dropout, width=s.width),
        lambda size: CropRule("article", size, 44.0),
        facenet_graph.build_from,
    ),
    "nn4-small2": Architecture(
        "OpenFace's nn4.small2",
        openface_graph.SIDE,
        128,
        openface_graph.SIDE,
        Normalisation("fixed", (0.0,), (255.0,)),
        lambda s, size, dimension: NN4Small2(dimension, width=s.width),
        _template(openface_graph.TEMPLATE, openface_graph.SIDE),
        openface_graph.build_from,
        any_size=False,
    ),
}


def architecture(settings: TrainingSettings) -> Architecture:
    """The architecture of these settings. Raises MisuseError for a size that it does not take."""
    kind = ARCHITECTURES[settings.network]
    size = side(settings)
    if not kind.any_size and size != kind.size:
        raise MisuseError(f"{settings.network} takes crops of {kind.size} pixels, not {size}")
    if size < kind.smallest:
        raise MisuseError(f"{settings.network} needs crops of {kind.smallest} pixels or more, not {size}")
    return kind


def side(settings: TrainingSettings) -> int:
    """Side of the crops, in pixels."""
    return settings.size or ARCHITECTURES[settings.network].size


def dimension(settings: TrainingSettings) -> int:
    """Embedding size."""
    return settings.dimension or ARCHITECTURES[settings.network].dimension


def make(settings: TrainingSettings) -> nn.Module:
    """Make the network of these settings, with random weights from torch's random state."""
    return architecture(settings).make(settings, side(settings), dimension(settings))

"""Loss functions.

Triplet losses compare the pictures of one batch. Classification losses classify pictures as one of the people trained
on, with a head that is discarded after training; their margins make people's embeddings lie further apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nitakao.training.settings import TRIPLETS, TrainingSettings

CENTRE_RATE = 0.5  # Wen et al. 2016, ECCV, section 4.1: alpha
MIN_SQUARED_DISTANCE = 1e-12  # the gradient of a square root is cut off below it


@dataclass(frozen=True)
class LossValue:
    """The loss of a batch.

    Attributes:
        value: Scalar.
        used: Number of triplets or pictures that it averages over.
        spread: Mean distance between the embeddings of the batch; NaN for classification losses.
    """

    value: Tensor
    used: int
    spread: float = math.nan


def squared_distances(embeddings: Tensor) -> Tensor:
    """(n, n) squared Euclidean distances between the rows of `embeddings`, (n, D)."""
    inner = embeddings @ embeddings.T
    squares = inner.diagonal()
    return (squares[:, None] + squares[None, :] - 2 * inner).clamp_min(0)


def semi_hard(distances: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Choose the nearest semi-hard negative of each anchor and positive.

    A negative is semi-hard if it is farther from the anchor than the positive is, by less than the margin. Pairs
    without one give no triplet.

    Args:
        distances: (n, n) squared distances.
        labels: (n,) person of each row.
        margin: Margin, in squared distance.

    Returns:
        (t, 3) rows of anchor, positive and negative.

    Source: Schroff et al. 2015 (FaceNet), section 3.2 and equation 4.
    """
    same = labels[:, None] == labels[None, :]
    anchors, positives = torch.nonzero(same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)).T
    near, far = distances[anchors, positives][:, None], distances[anchors]  # (pairs, 1), (pairs, n)
    is_semi_hard = ~same[anchors] & (far > near) & (far < near + margin)
    negatives = torch.where(is_semi_hard, far, math.inf).argmin(1)
    has_negative = is_semi_hard.any(1)
    return torch.stack([anchors, positives, negatives], 1)[has_negative]


def batch_hard(distances: Tensor, labels: Tensor) -> Tensor:
    """Choose the farthest positive and the nearest negative of each picture.

    Args:
        distances: (n, n) squared distances.
        labels: (n,) person of each row.

    Returns:
        (t, 3) rows of anchor, positive and negative.

    Source: Hermans et al. 2017, arXiv:1703.07737, equation 5.
    """
    same = labels[:, None] == labels[None, :]
    others = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positives = torch.where(others, distances, -math.inf).argmax(1)
    negatives = torch.where(same, math.inf, distances).argmin(1)
    has_both = others.any(1) & (~same).any(1)
    return torch.stack([torch.arange(len(labels), device=labels.device), positives, negatives], 1)[has_both]


def triplet_loss(embeddings: Tensor, labels: Tensor, margin: float) -> LossValue:
    """Mean of max(0, |a-p|^2 - |a-n|^2 + margin) over semi-hard triplets; 0 where there are none.

    Source: Schroff et al. 2015 (FaceNet), equation 3.
    """
    distances = squared_distances(embeddings)
    triplets = semi_hard(distances.detach(), labels, margin)
    return _hinge(distances, triplets, margin, embeddings)


def batch_hard_loss(embeddings: Tensor, labels: Tensor, margin: float) -> LossValue:
    """Mean of max(0, |a-p| - |a-n| + margin) over the hardest triplet of each picture.

    Source: Hermans et al. 2017, arXiv:1703.07737, equation 5.
    """
    squares = squared_distances(embeddings)
    triplets = batch_hard(squares.detach(), labels)
    return _hinge(squares.clamp_min(MIN_SQUARED_DISTANCE).sqrt(), triplets, margin, embeddings)


def _hinge(distances: Tensor, triplets: Tensor, margin: float, embeddings: Tensor) -> LossValue:
    anchors, positives, negatives = triplets.T
    spread = float(squared_distances(embeddings.detach()).sqrt().mean())
    if not len(triplets):
        return LossValue(embeddings.sum() * 0, 0, spread)  # its gradient is zero, so this step is like any other
    terms = torch.relu(distances[anchors, positives] - distances[anchors, negatives] + margin)
    return LossValue(terms.mean(), len(triplets), spread)


def cosface_logits(cosines: Tensor, labels: Tensor, margin: float, scale: float) -> Tensor:
    """(n, c) scale * (cos - margin at the own person). Source: Wang et al. 2018, arXiv:1801.09414, equation 4."""
    own = nn.functional.one_hot(labels, cosines.shape[1]).to(cosines.dtype)
    return scale * (cosines - margin * own)


def arcface_logits(cosines: Tensor, labels: Tensor, margin: float, scale: float) -> Tensor:
    """(n, c) scale * cos(angle + margin at the own person). Source: Deng et al. 2019, arXiv:1801.07698, equation 3.

    Past 180 degrees, where the cosine rises again, it is the line cos - m sin m, as in the authors' code.
    """
    own = nn.functional.one_hot(labels, cosines.shape[1]).bool()
    sines = (1 - cosines * cosines).clamp_min(MIN_SQUARED_DISTANCE).sqrt()
    with_margin = cosines * math.cos(margin) - sines * math.sin(margin)
    line = cosines - margin * math.sin(margin)
    logits = torch.where(cosines > math.cos(math.pi - margin), with_margin, line)
    return scale * torch.where(own, logits, cosines)


def centre_loss(features: Tensor, labels: Tensor, centres: Tensor) -> Tensor:
    """Mean of half the squared distance of features (n, D) to the centres (c, D) of their people.

    Source: Wen et al. 2016, ECCV, equation 2, as a mean.
    """
    return 0.5 * (features - centres[labels]).pow(2).sum(1).mean()


def update_centres(features: Tensor, labels: Tensor, centres: Tensor, rate: float = CENTRE_RATE) -> Tensor:
    """(c, D) centres after one batch. Source: Wen et al. 2016, ECCV, equations 4 and 11."""
    count = torch.zeros(len(centres), 1, dtype=centres.dtype, device=centres.device)
    pull = torch.zeros_like(centres)
    pull.index_add_(0, labels, centres[labels] - features)
    count.index_add_(0, labels, torch.ones(len(labels), 1, dtype=centres.dtype, device=centres.device))
    return centres - rate * pull / (1 + count)


class Loss(nn.Module):
    """The loss of these settings, with its own parameters: a head, centres."""

    def __init__(self, settings: TrainingSettings, people: int, dimension: int) -> None:
        super().__init__()
        self.kind, self.margin, self.scale = settings.loss, settings.margin_or_default, settings.scale
        self._warm_up, self._unit = settings.warm_up, settings.unit_length
        self._centre_weight = settings.centre_weight
        if self.kind not in TRIPLETS:
            self.head = nn.Parameter(torch.empty(people, dimension))
            nn.init.xavier_uniform_(self.head)
        if self.kind in ("softmax", "centre"):
            self.bias = nn.Parameter(torch.zeros(people))
        if self.kind == "centre":
            self.register_buffer("centres", torch.zeros(people, dimension))

    def margin_at(self, step: int) -> float:
        """The margin at a step: it grows from 0 while the network has learnt little, so that training is stable."""
        return self.margin * min(1.0, (step + 1) / self._warm_up) if self._warm_up else self.margin

    def forward(self, features: Tensor, labels: Tensor, step: int) -> LossValue:
        """The loss of the network's outputs, (n, D), with labels, (n,), from 0."""
        if self.kind in TRIPLETS:
            embeddings = nn.functional.normalize(features) if self._unit else features
            loss = triplet_loss if self.kind == "triplet" else batch_hard_loss
            # No warm-up: semi-hard triplets lie within the margin, and without margin there are none.
            return loss(embeddings, labels, self.margin if self.kind == "triplet" else self.margin_at(step))
        if self.kind in ("softmax", "centre"):
            value = nn.functional.cross_entropy(features @ self.head.T + self.bias, labels)
            if self.kind == "centre":
                value = value + self._centre_weight * centre_loss(features, labels, self.centres)
                if self.training:
                    with torch.no_grad():
                        self.centres.copy_(update_centres(features.detach(), labels, self.centres))
            return LossValue(value, len(labels))
        cosines = nn.functional.normalize(features) @ nn.functional.normalize(self.head).T
        add_margin = cosface_logits if self.kind == "cosface" else arcface_logits
        logits = add_margin(cosines, labels, self.margin_at(step), self.scale)
        return LossValue(nn.functional.cross_entropy(logits, labels), len(labels))

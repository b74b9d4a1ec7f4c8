"""What a network is trained to make small.

Triplet losses compare the pictures of one batch. The others sort pictures into the people trained on, with a head that
is thrown away afterwards; margins make that sorting harder than it needs to be, so that people part further.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nitakao.training.settings import TRIPLETS, TrainingSettings

CENTRE_RATE = 0.5  # Wen et al. 2016, ECCV, section 4.1: alpha
SLOPE_FLOOR = 1e-12  # squared distance; below it the root's slope is not followed


@dataclass(frozen=True)
class Cost:
    """value: a scalar to go down from.  used: triplets or pictures that it is the mean of.  spread: mean distance
    between embeddings of the batch, 0 where all are one; NaN where a loss does not look at distances."""

    value: Tensor
    used: int
    spread: float = math.nan


def squared_distances(embeddings: Tensor) -> Tensor:
    """(n, n) squared Euclidean distances between the rows of (n, D)."""
    inner = embeddings @ embeddings.T
    squares = inner.diagonal()
    return (squares[:, None] + squares[None, :] - 2 * inner).clamp_min(0)


def semi_hard(apart: Tensor, labels: Tensor, margin: float) -> Tensor:
    """(t, 3) rows of anchor, positive, negative: for each pair of one person the nearest semi-hard negative.

    apart: (n, n) squared distances.  A negative is semi-hard where it is farther from the anchor than the positive is,
    but by less than the margin; pairs without one give no triplet.
    Source: Schroff et al. 2015 (FaceNet), section 3.2 and equation 4.
    """
    same = labels[:, None] == labels[None, :]
    anchors, positives = torch.nonzero(same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)).T
    near, far = apart[anchors, positives][:, None], apart[anchors]  # (pairs, 1), (pairs, n)
    fits = ~same[anchors] & (far > near) & (far < near + margin)
    negatives = torch.where(fits, far, math.inf).argmin(1)
    found = fits.any(1)
    return torch.stack([anchors, positives, negatives], 1)[found]


def batch_hard(apart: Tensor, labels: Tensor) -> Tensor:
    """(t, 3) rows of anchor, positive, negative: for each picture its farthest positive and nearest negative.

    Source: Hermans et al. 2017, arXiv:1703.07737, equation 5.
    """
    same = labels[:, None] == labels[None, :]
    others = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positives = torch.where(others, apart, -math.inf).argmax(1)
    negatives = torch.where(same, math.inf, apart).argmin(1)
    found = others.any(1) & (~same).any(1)
    return torch.stack([torch.arange(len(labels), device=labels.device), positives, negatives], 1)[found]


def triplet_cost(embeddings: Tensor, labels: Tensor, margin: float) -> Cost:
    """Mean of max(0, |a-p|^2 - |a-n|^2 + margin) over semi-hard triplets; 0 where there are none.

    Source: Schroff et al. 2015 (FaceNet), equation 3.
    """
    apart = squared_distances(embeddings)
    chosen = semi_hard(apart.detach(), labels, margin)
    return _hinged(apart, chosen, margin, embeddings)


def batch_hard_cost(embeddings: Tensor, labels: Tensor, margin: float) -> Cost:
    """Mean of max(0, |a-p| - |a-n| + margin) over the hardest of each picture. Source: as `batch_hard`."""
    squares = squared_distances(embeddings)
    chosen = batch_hard(squares.detach(), labels)
    return _hinged(squares.clamp_min(SLOPE_FLOOR).sqrt(), chosen, margin, embeddings)


def _hinged(apart: Tensor, chosen: Tensor, margin: float, embeddings: Tensor) -> Cost:
    anchors, positives, negatives = chosen.T
    spread = float(squared_distances(embeddings.detach()).sqrt().mean())
    if not len(chosen):
        return Cost(embeddings.sum() * 0, 0, spread)  # a slope of zeros, so that every step is made alike
    terms = torch.relu(apart[anchors, positives] - apart[anchors, negatives] + margin)
    return Cost(terms.mean(), len(chosen), spread)


def cosface_logits(cosines: Tensor, labels: Tensor, margin: float, scale: float) -> Tensor:
    """(n, c) scale * (cos - margin at the own person). Source: Wang et al. 2018, arXiv:1801.09414, equation 4."""
    own = nn.functional.one_hot(labels, cosines.shape[1]).to(cosines.dtype)
    return scale * (cosines - margin * own)


def arcface_logits(cosines: Tensor, labels: Tensor, margin: float, scale: float) -> Tensor:
    """(n, c) scale * cos(angle + margin at the own person). Source: Deng et al. 2019, arXiv:1801.07698, equation 3.

    Past 180 degrees, where the cosine would rise again, it goes on as a line of the same slope, cos - m sin m, as the
    authors' own code has it.
    """
    own = nn.functional.one_hot(labels, cosines.shape[1]).bool()
    sines = (1 - cosines * cosines).clamp_min(SLOPE_FLOOR).sqrt()
    turned = cosines * math.cos(margin) - sines * math.sin(margin)
    beyond = cosines - margin * math.sin(margin)
    harder = torch.where(cosines > math.cos(math.pi - margin), turned, beyond)
    return scale * torch.where(own, harder, cosines)


def centre_cost(features: Tensor, labels: Tensor, centres: Tensor) -> Tensor:
    """Mean of half the squared distance of features (n, D) to the centres (c, D) of their people.

    Source: Wen et al. 2016, ECCV, equation 2, as a mean.
    """
    return 0.5 * (features - centres[labels]).pow(2).sum(1).mean()


def moved_centres(features: Tensor, labels: Tensor, centres: Tensor, rate: float = CENTRE_RATE) -> Tensor:
    """(c, D) centres after one batch. Source: Wen et al. 2016, ECCV, equations 4 and 11."""
    count = torch.zeros(len(centres), 1, dtype=centres.dtype, device=centres.device)
    pull = torch.zeros_like(centres)
    pull.index_add_(0, labels, centres[labels] - features)
    count.index_add_(0, labels, torch.ones(len(labels), 1, dtype=centres.dtype, device=centres.device))
    return centres - rate * pull / (1 + count)


class Loss(nn.Module):
    """The loss that settings ask for, with whatever it learns itself: a head, centres."""

    def __init__(self, settings: TrainingSettings, people: int, dimension: int) -> None:
        super().__init__()
        self.kind, self.margin, self.scale = settings.loss, settings.chosen_margin, settings.scale
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
        """The margin, which grows from 0 while the network has learnt little, so that it does not give in."""
        return self.margin * min(1.0, (step + 1) / self._warm_up) if self._warm_up else self.margin

    def forward(self, features: Tensor, labels: Tensor, step: int) -> Cost:
        """features: (n, D) as the network gives them.  labels: (n,) whole numbers from 0."""
        if self.kind in TRIPLETS:
            embeddings = nn.functional.normalize(features) if self._unit else features
            cost = triplet_cost if self.kind == "triplet" else batch_hard_cost
            # Semi-hard triplets lie within the margin: with none there are none.
            return cost(embeddings, labels, self.margin if self.kind == "triplet" else self.margin_at(step))
        if self.kind in ("softmax", "centre"):
            value = nn.functional.cross_entropy(features @ self.head.T + self.bias, labels)
            if self.kind == "centre":
                value = value + self._centre_weight * centre_cost(features, labels, self.centres)
                if self.training:
                    with torch.no_grad():
                        self.centres.copy_(moved_centres(features.detach(), labels, self.centres))
            return Cost(value, len(labels))
        cosines = nn.functional.normalize(features) @ nn.functional.normalize(self.head).T
        logits = cosface_logits if self.kind == "cosface" else arcface_logits
        made = logits(cosines, labels, self.margin_at(step), self.scale)
        return Cost(nn.functional.cross_entropy(made, labels), len(labels))

"""Losses and mining against plain, slow references in double precision, and their slopes."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install nitakao[train]")

from nitakao.training import losses  # noqa: E402  # after the look for PyTorch
from nitakao.training.losses import Loss  # noqa: E402
from nitakao.training.settings import TrainingSettings  # noqa: E402

CLOSE = 1e-6
SEEDS = range(5)


def drawn(seed: int, people: int = 4, each: int = 3, dimension: int = 6, *, unit: bool = True) -> tuple[Any, Any]:
    """Embeddings (n, D) in float64, and labels in mixed order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(people), each))
    centres = rng.normal(0, 1, (people, dimension))
    rows = centres[labels] * 0.6 + rng.normal(0, 1, (len(labels), dimension))
    if unit:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return torch.tensor(rows, dtype=torch.float64), torch.tensor(labels)


def squared(a: Any, b: Any) -> float:
    return float(sum((x - y) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True)))


def slow_semi_hard(rows: Any, labels: list[int], margin: float) -> set[tuple[int, int, int]]:
    found = set()
    for a, p in product(range(len(labels)), repeat=2):
        if a == p or labels[a] != labels[p]:
            continue
        near = squared(rows[a], rows[p])
        fits = [
            (squared(rows[a], rows[n]), n)
            for n in range(len(labels))
            if labels[n] != labels[a] and near < squared(rows[a], rows[n]) < near + margin
        ]
        if fits:
            found.add((a, p, min(fits)[1]))
    return found


def slow_batch_hard(rows: Any, labels: list[int]) -> set[tuple[int, int, int]]:
    found = set()
    for a in range(len(labels)):
        own = [(squared(rows[a], rows[p]), p) for p in range(len(labels)) if p != a and labels[p] == labels[a]]
        other = [(squared(rows[a], rows[n]), n) for n in range(len(labels)) if labels[n] != labels[a]]
        if own and other:
            found.add((a, max(own)[1], min(other)[1]))
    return found


def triplets(chosen: Any) -> set[tuple[int, int, int]]:
    rows = [tuple(row) for row in chosen.tolist()]
    assert len(rows) == len(set(rows))
    return set(rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_semi_hard_triplets_are_those_of_the_papers_words(seed: int) -> None:
    rows, labels = drawn(seed)
    expected = slow_semi_hard(rows, labels.tolist(), 0.4)
    assert len(expected) > 5
    assert triplets(losses.semi_hard(losses.squared_distances(rows), labels, 0.4)) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hardest_of_a_batch_are_found(seed: int) -> None:
    rows, labels = drawn(seed, people=5, each=2)
    labels[0] = 9  # somebody alone, and somebody left alone by that
    found = triplets(losses.batch_hard(losses.squared_distances(rows), labels))
    assert found == slow_batch_hard(rows, labels.tolist())


@pytest.mark.parametrize("seed", SEEDS)
def test_triplet_losses_are_the_mean_of_their_hinges(seed: int) -> None:
    rows, labels = drawn(seed)
    terms = [
        max(0.0, squared(rows[a], rows[p]) - squared(rows[a], rows[n]) + 0.4)
        for a, p, n in slow_semi_hard(rows, labels.tolist(), 0.4)
    ]
    cost = losses.triplet_loss(rows, labels, 0.4)
    assert float(cost.value) == pytest.approx(np.mean(terms), abs=CLOSE)
    assert cost.used == len(terms)
    roots = [
        max(0.0, math.sqrt(squared(rows[a], rows[p])) - math.sqrt(squared(rows[a], rows[n])) + 0.3)
        for a, p, n in slow_batch_hard(rows, labels.tolist())
    ]
    hard = losses.batch_hard_loss(rows, labels, 0.3)
    assert float(hard.value) == pytest.approx(np.mean(roots), abs=CLOSE)
    assert hard.used == len(roots)


def test_without_triplets_the_loss_is_zero_and_has_a_slope_of_zeros() -> None:
    rows = torch.eye(4, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 3])  # nobody twice
    for cost in (losses.triplet_loss(rows, labels, 0.2), losses.batch_hard_loss(rows, labels, 0.2)):
        cost.value.backward()
        assert (float(cost.value.detach()), cost.used) == (0.0, 0)
    assert not rows.grad.any()


def slow_softmax(logits: list[float], own: int) -> float:
    return math.log(sum(math.exp(v) for v in logits)) - logits[own]


def cosines_of(rows: Any, head: Any) -> Any:
    return torch.nn.functional.normalize(rows) @ torch.nn.functional.normalize(head).T


@pytest.mark.parametrize("seed", SEEDS)
def test_margins_on_cosines_are_those_of_their_papers(seed: int) -> None:
    rows, labels = drawn(seed, unit=False)
    head = torch.tensor(np.random.default_rng(seed + 50).normal(size=(4, 6)))
    for kind, margin, scale in (("cosface", 0.35, 16.0), ("arcface", 0.5, 16.0), ("arcface", 1.2, 16.0)):
        expected = []
        for row, own in zip(rows.tolist(), labels.tolist(), strict=True):
            told = []
            for person, weights in enumerate(head.tolist()):
                cosine = float(np.dot(row, weights)) / math.sqrt(np.dot(row, row) * np.dot(weights, weights))
                if person == own and kind == "cosface":
                    cosine -= margin
                elif person == own:
                    angle = math.acos(cosine)
                    inside = angle + margin < math.pi
                    cosine = math.cos(angle + margin) if inside else cosine - margin * math.sin(margin)
                told.append(scale * cosine)
            expected.append(slow_softmax(told, own))
        made = losses.cosface_logits if kind == "cosface" else losses.arcface_logits
        found = torch.nn.functional.cross_entropy(made(cosines_of(rows, head), labels, margin, scale), labels)
        assert float(found) == pytest.approx(np.mean(expected), abs=CLOSE)


@pytest.mark.parametrize("seed", SEEDS)
def test_centres_pull_and_move_as_their_paper_says(seed: int) -> None:
    rows, labels = drawn(seed, unit=False)
    centres = torch.tensor(np.random.default_rng(seed + 90).normal(size=(6, 6)))  # two people are not in the batch
    expected = np.mean([0.5 * squared(row, centres[own]) for row, own in zip(rows, labels.tolist(), strict=True)])
    assert float(losses.centre_loss(rows, labels, centres)) == pytest.approx(expected, abs=CLOSE)
    moved = centres.numpy().copy()
    for person in range(6):
        mine = [n for n, own in enumerate(labels.tolist()) if own == person]
        pull = sum((centres[person] - rows[n]).numpy() for n in mine)
        moved[person] -= 0.5 * pull / (1 + len(mine))
    assert losses.update_centres(rows, labels, centres).numpy() == pytest.approx(moved, abs=CLOSE)
    assert np.array_equal(losses.update_centres(rows, labels, centres).numpy()[4:], centres.numpy()[4:])


@pytest.mark.parametrize("loss", ["cosface", "arcface", "softmax", "centre", "triplet", "batch-hard"])
def test_slopes_are_right(loss: str) -> None:
    rows, labels = drawn(3, people=3, each=2, unit=False)
    torch.manual_seed(1)
    made = Loss(TrainingSettings(loss=loss, scale=8.0, margin=0.3, warm_up=0), 3, 6).double().eval()
    rows.requires_grad_()
    assert made(rows, labels, 0).used > 0
    assert torch.autograd.gradcheck(lambda x: made(x, labels, 0).value, (rows,), eps=1e-7, atol=1e-5)
    for parameter in made.parameters():  # of the head too
        made.zero_grad()
        made(rows.detach(), labels, 0).value.backward()
        assert parameter.grad.abs().sum() > 0
        at = np.unravel_index(int(parameter.grad.abs().argmax()), parameter.shape)
        step = 1e-6
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter[at] += sign * step
                values.append(float(made(rows, labels, 0).value))
                parameter[at] -= sign * step
        assert float(parameter.grad[at]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)


def test_a_margin_grows_while_the_network_warms_up() -> None:
    made = Loss(TrainingSettings(loss="cosface", warm_up=10), 3, 6)
    assert [round(made.margin_at(step), 3) for step in (0, 4, 9, 500)] == [0.035, 0.175, 0.35, 0.35]
    rows, labels = drawn(2, people=3, unit=False)
    easy, hard = (float(made.double()(rows, labels, step).value.detach()) for step in (0, 9))
    assert easy < hard


def test_the_spread_of_a_batch_that_fell_together_is_none() -> None:
    rows = torch.ones(4, 3, dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 1])
    assert losses.triplet_loss(rows, labels, 0.2).spread < 1e-6
    apart, labels = drawn(1)
    assert losses.triplet_loss(apart, labels, 0.2).spread > 0.5

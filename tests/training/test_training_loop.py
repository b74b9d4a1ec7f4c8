"""The loop: it learns, resumes bit for bit after a kill, and stops or cries where it must."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install nitakao[train]")

from tests.training import runs  # noqa: E402
from tests.training.runs import DROPPING, SETTINGS  # noqa: E402

from nitakao.errors import DeviceError, TrainingError  # noqa: E402  # after the look for PyTorch
from nitakao.training import checkpoints, initial_weights, loop, validation  # noqa: E402
from nitakao.training.distributed import join_group  # noqa: E402
from nitakao.training.losses import Loss, LossValue  # noqa: E402
from nitakao.training.networks import architecture  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent


def same(one: Any, other: Any) -> bool:
    """Whether two checkpoints are equal, bit for bit."""
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if torch.is_tensor(one):
        return bool(one.dtype == other.dtype and torch.equal(one, other))
    return bool(one == other)


def killed(folder: Path, step: int, resume: str = "") -> int:
    """The exit code of a run of its own, killed after this step."""
    command = [sys.executable, "-m", "tests.training.runs", str(folder), str(step), resume]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, timeout=240, env=environment, capture_output=True).returncode


def test_a_killed_run_that_is_gone_on_with_ends_in_the_same_bits(tmp_path: Path) -> None:
    runs.train(tmp_path / "whole", DROPPING)
    assert killed(tmp_path / "killed", 4) == -signal.SIGKILL  # the checkpoint of step 2 is the last
    assert checkpoints.load(tmp_path / "killed")["step"] == 2
    runs.train(tmp_path / "killed", DROPPING, resume=True)
    one, other = (checkpoints.load(tmp_path / name) for name in ("whole", "killed"))
    assert one["step"] == DROPPING.steps
    assert same(one, other)
    assert same(*(checkpoints.best_weights(tmp_path / name) for name in ("whole", "killed")))


@pytest.mark.parametrize("loss", ["cosface", "triplet", "centre"])
def test_the_people_trained_on_are_told_apart_better_after_it(tmp_path: Path, loss: str) -> None:
    settings = replace(SETTINGS, loss=loss, width=0.25, steps=40, evaluate_every=40, augment=(), warm_up=0, ema=0.5)
    parts = runs.divided(settings)
    pairs = validation.make_pairs(parts.training)
    kind = architecture(settings).normalisation

    def auc(network: Any) -> float:
        vectors = loop.embed(network, parts.training, kind, unit=True, device=torch.device("cpu"))
        return validation.measure(pairs, pairs.distances(vectors), 0.01).auc

    judged: list[Any] = []
    before = auc(initial_weights.make_network(settings, None, ""))
    run = runs.train(tmp_path / "run", settings, on_event=judged.append)
    assert auc(run.mean) > before + 0.03
    assert run.history[-1]["auc"] == judged[-1].validation.auc
    assert any((tmp_path / "run" / "logs").iterdir())


def test_batches_added_up_are_one_step(tmp_path: Path) -> None:
    told: list[Any] = []
    settings = replace(SETTINGS, accumulate=3, steps=2, held_out=0.0)
    runs.train(tmp_path / "run", settings, on_event=told.append)
    assert [(event.step, event.pictures, event.used) for event in told] == [(1, 24, 24), (2, 24, 24)]


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Loss.forward

    def broken(self: Any, features: Any, labels: Any, step: int) -> LossValue:
        cost = real(self, features, labels, step)
        return replace(cost, value=cost.value * math.nan) if step == 4 else cost

    monkeypatch.setattr(Loss, "forward", broken)
    with pytest.raises(TrainingError, match="loss of step 5 is nan: the last good checkpoint is that of step 4"):
        runs.train(tmp_path / "run")
    with pytest.raises(TrainingError, match="loss of step 5 is nan: there is no checkpoint before it"):
        runs.train(tmp_path / "other", replace(SETTINGS, keep_every=100))


def test_the_alarm_is_given_once_where_triplets_collapse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "COLLAPSED_FOR", 3)
    network = initial_weights.make_network(SETTINGS, None, "")
    with torch.no_grad():
        network.embedding_bn.weight.zero_()  # whatever comes in, the same goes out
        network.embedding_bn.bias.fill_(1.0)
    network.embedding_bn.weight.requires_grad_(False)
    settings = replace(SETTINGS, loss="triplet", freeze=("embedding_bn",), held_out=0.0)
    told: list[Any] = []
    runs.train(tmp_path / "run", settings, on_event=told.append, network=network)
    (alarm,) = [event for event in told if isinstance(event, loop.Notice)]
    assert "the triplets have collapsed" in alarm.text
    assert "--learning-rate" in alarm.text


def test_a_stop_waits_for_its_step_and_keeps_it(tmp_path: Path) -> None:
    whole = runs.train(tmp_path / "whole")
    before = signal.getsignal(signal.SIGTERM)
    told: list[Any] = []

    def tell(event: Any) -> None:
        told.append(event)
        if isinstance(event, loop.StepEvent) and event.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        runs.train(tmp_path / "cut", on_event=tell)
    assert told[-1] == loop.Notice("stopped; step 3 is saved: continue with --resume")
    assert checkpoints.load(tmp_path / "cut")["step"] == 3
    assert signal.getsignal(signal.SIGTERM) == before
    again = runs.train(tmp_path / "cut", resume=True)
    assert same(again.model.network.state_dict(), whole.model.network.state_dict())


def test_it_ends_early_where_nothing_is_gained(tmp_path: Path) -> None:
    still = replace(SETTINGS, steps=40, rate=1e-30, weight_decay=0.0, only=("embedding",), evaluate_every=1, patience=2)
    run = runs.train(tmp_path / "run", still)
    assert (run.step, run.best_step, run.stale) == (3, 1, 2)
    assert checkpoints.load(tmp_path / "run")["step"] == 3


def test_a_schedule_ends_a_training(tmp_path: Path) -> None:
    run = runs.train(tmp_path / "run", replace(SETTINGS, schedule="0: 0.001\n2: -1", epoch=2, held_out=0.0))
    assert run.step == 4


def test_frozen_layers_stay_as_they_are_with_their_normalisations(tmp_path: Path) -> None:
    network = initial_weights.make_network(SETTINGS, None, "")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    settings = replace(SETTINGS, only=("embedding*", "whole"), steps=3, held_out=0.0)
    run = runs.train(tmp_path / "run", settings, network=network)
    changed = {name for name, value in run.model.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert {name.split(".")[0] for name in changed} == {"embedding", "embedding_bn", "whole"}


def test_patterns_that_name_no_layer_or_all_are_one_sentence() -> None:
    network = initial_weights.make_network(SETTINGS, None, "")
    with pytest.raises(TrainingError, match="no layer is called 'repeat_1': there are 'stem', 'depthwise', 'blocks'"):
        initial_weights.freeze(network, ("repeat_1",), ())
    with pytest.raises(TrainingError, match="every layer is frozen"):
        initial_weights.freeze(network, ("*",), ())


def test_a_checkpoint_of_another_network_is_named(tmp_path: Path) -> None:
    runs.train(tmp_path / "run")
    with pytest.raises(
        TrainingError, match=r"of another network: 'stem\.conv\.weight' is 4x3x3x3 in it and 6x3x3x3 here"
    ):
        runs.train(tmp_path / "run", replace(SETTINGS, width=0.1), resume=True)
    with pytest.raises(TrainingError, match="of another set of people, or loss: 'head' is 7x16 in it and 8x16 here"):
        runs.train(tmp_path / "run", replace(SETTINGS, held_out=0.1), resume=True)


def test_the_mean_of_the_weights_trails_them(tmp_path: Path) -> None:
    run = runs.train(tmp_path / "run", replace(SETTINGS, ema=0.9, held_out=0.0))
    kernel, mean = run.model.network.embedding.weight, run.mean.embedding.weight
    assert not torch.equal(kernel, mean)
    plain = runs.train(tmp_path / "plain", replace(SETTINGS, ema=0.0, held_out=0.0))
    assert torch.equal(plain.model.network.embedding.weight, plain.mean.embedding.weight)


def test_heads_begin_at_what_a_network_makes_of_the_people() -> None:
    head = torch.nn.Parameter(torch.zeros(2, 3))
    vectors = np.array([[2.0, 0, 0], [0, 5, 0], [0, 0, 1]], np.float32)
    initial_weights.init_head(head, vectors, np.array([0, 0, 1]))
    root = math.sqrt(0.5)
    assert head.detach().numpy() == pytest.approx(np.array([[root, root, 0], [0, 0, 1]]), abs=1e-6)


def test_a_device_that_is_not_there_is_an_error() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(DeviceError, match="finds no GPU"), join_group("cuda"):
        pass
    with join_group("auto") as group, pytest.raises(DeviceError, match="trains on a GPU only"):
        group.autocast("fp16")


def test_two_processes_learn_as_one(tmp_path: Path) -> None:
    """Gradients are averaged: after two steps both hold the same weights, other ones than a process alone would."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "-m", "tests.training.runs", str(tmp_path / "run"), "0", "both"],
        cwd=ROOT,
        timeout=240,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    digests = [(tmp_path / "run" / f"rank{rank}.txt").read_text("utf-8") for rank in (0, 1)]
    assert digests[0] == digests[1]
    alone = runs.train(tmp_path / "alone", replace(SETTINGS, steps=2, held_out=0.0))
    assert runs.digest(alone) != digests[0]

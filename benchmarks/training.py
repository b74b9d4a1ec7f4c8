"""Gain from training, measured on held-out people of LFW. Takes some minutes on two cores.

    python benchmarks/training.py scratch OUT     a small network from random weights (--only-train: without comparing)
    python benchmarks/training.py tune OUT        the last block of facenet-vggface2, on half of the people
    python benchmarks/training.py gpu             pictures per second, compared with facenet-pytorch's loop; needs a GPU

Needs NITAKAO_SHARED. Networks are validated once, after the last step. TRAINING.md has the results.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from nitakao.models import embedder
from nitakao.models.cards import registry
from nitakao.tasks.train import train as task
from nitakao.tasks.train.face_crops import Progress
from nitakao.training import dataset, export, initial_weights, loop, validation
from nitakao.training.settings import TrainingData, TrainingSettings
from nitakao.training.splits import Examples, Split, split
from nitakao.values import Floats, ModelCard

FARS, DRAWS = (1e-2, 1e-3, 1e-4), 400
STEPS, PICTURES = 50, 90  # for timing on a GPU; davidsandberg's batch size

SCRATCH = TrainingSettings(size=64, held_out=0.4, steps=300, evaluate_every=300, keep_every=100)
TUNE = TrainingSettings(
    network="facenet",
    held_out=0.5,
    steps=60,
    evaluate_every=60,
    keep_every=20,
    rate=1e-4,
    warm_up=0,
    ema=0.95,
    augment=("flip", "colour"),
    only=("block8", "last_linear", "last_bn"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("mode", choices=["scratch", "tune", "gpu"])
    parser.add_argument("out", nargs="?", type=Path, default=Path("out"), help="folder of the run")
    parser.add_argument("--only-train", action="store_true", help="scratch: train without comparing")
    arguments = parser.parse_args()
    if arguments.mode == "scratch":
        scratch(arguments.out, compare_networks=not arguments.only_train)
    elif arguments.mode == "tune":
        tune(arguments.out)
    else:
        gpu(arguments.out)


def scratch(out: Path, *, compare_networks: bool) -> None:
    held_out = train(SCRATCH, out, None).held_out
    if not compare_networks:
        return
    network = initial_weights.make_network(SCRATCH, None, "")
    normalisation = export.face_input(SCRATCH, None)[1]
    cpu = _cpu()
    before = loop.embed(network, held_out, normalisation, unit=True, device=cpu)
    compare(held_out, before, embed(registry.card(str(out)), held_out), "random", "trained")


def tune(out: Path) -> None:
    basis = registry.card("facenet-vggface2")
    held_out = train(TUNE, out, basis).held_out
    before, after = (embed(card, held_out) for card in (basis, registry.card(str(out))))
    compare(held_out, before, after, basis.name, "tuned")


def train(settings: TrainingSettings, out: Path, basis: ModelCard | None) -> Split:
    """Train in `out`, unless there is a finished run. Returns the people."""
    lfw = Path(os.environ["NITAKAO_SHARED"]) / "data" / "lfw"
    people = tuple(line.split("\t")[0] for line in (lfw / "people.txt").read_text("utf-8").splitlines())
    crops = out / "crops"
    if not (out / "metrics.json").is_file():  # a finished run is only compared
        initial_weights = None if basis is None else basis.name
        data = TrainingData(lfw / "images", people=people, crops=crops, initial_weights=initial_weights)
        timed_run(settings, out, data)
    examples = dataset.crop_pictures(
        dataset.find_pictures(lfw / "images", people), crops, export.face_input(settings, basis)[0]
    )
    return split(examples, settings.held_out, settings.seed, settings.min_pictures)


def timed_run(settings: TrainingSettings, out: Path, data: TrainingData) -> None:
    """Train and export, timed from the first picture to the exported model."""
    start, start_cpu = time.monotonic(), time.process_time()

    def on_event(event: loop.Event) -> None:
        if isinstance(event, loop.StepEvent) and event.step % 20 == 0:
            print(f"step {event.step}: loss {event.loss:.3f}, {time.monotonic() - start:.0f} s", flush=True)

    task.train(out, data, settings=settings, device="cpu", progress=Progress(print, on_event=on_event))
    wall, cpu = time.monotonic() - start, time.process_time() - start_cpu
    print(f"trained and exported in {wall:.0f} s, {cpu:.0f} s of CPU time", flush=True)


def embed(card: ModelCard, examples: Examples) -> Floats:
    """(n, D) vectors of all examples, by an exported model."""
    network = embedder.load(card)
    rows = np.arange(len(examples), dtype=np.intp)
    return np.concatenate([network(examples.crops(part)) for part in np.array_split(rows, max(1, len(rows) // 64))])


def compare(examples: Examples, before: Floats, after: Floats, one: str, other: str) -> None:
    pairs = validation.make_pairs(examples)
    distances = [pairs.distances(vectors) for vectors in (before, after)]
    print(f"{len(examples)} pictures of {len(examples.people)} people")
    for far in FARS:
        for name, each in zip((one, other), distances, strict=True):
            m = validation.measure(pairs, each, far)
            print(f"{name}: AUC {m.auc:.4f}, VAL {m.val:.4f} at FAR {far:g}, accuracy {m.accuracy:.4f}")
    for figure, (gain, interval) in validation.gain(pairs, *distances, FARS[1], DRAWS).items():
        text = f"{gain:+.4f}, 95% of {DRAWS} draws of people {interval.low:+.4f} to {interval.high:+.4f}"
        print(f"{other} minus {one}, {figure} (VAL at FAR {FARS[1]:g}): {text}", flush=True)


def gpu(out: Path) -> None:
    """Pictures per second of Inception-ResNet-v1 in bf16: our loop and facenet-pytorch's, with the same batch size."""
    import torch
    from torch import nn

    if not torch.cuda.is_available():
        sys.exit("this needs a GPU, and PyTorch finds none")
    settings = replace(TUNE, only=(), people=30, pictures=3, loss="softmax", precision="bf16", steps=STEPS * 2)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (900, 160, 160, 3), np.uint8)
    faces = [(f"person {n // 9}", str(n), n) for n in range(900)]
    from nitakao.training.distributed import join_group
    from nitakao.training.splits import make_examples

    examples = make_examples(pixels, faces)
    split, normalisation = Split(examples, examples.of(()), ()), export.face_input(settings, None)[1]
    times: list[float] = []
    with join_group("cuda") as group:
        plan = loop.Plan(split, settings, normalisation, out / "gpu", "", group)
        network = initial_weights.make_network(settings, None, "")
        loop.train(network, plan, on_event=lambda event: times.append(time.monotonic()))
    print(
        f"nitakao, with reading and augmentation: {PICTURES * STEPS / (times[-1] - times[-1 - STEPS]):.0f} per second"
    )
    from facenet_pytorch import InceptionResnetV1  # type: ignore[import-not-found, unused-ignore]

    network = InceptionResnetV1(classify=True, num_classes=100).cuda().train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    batch = torch.randn(PICTURES, 3, 160, 160).cuda()
    labels = torch.arange(PICTURES).cuda()
    start = 0.0
    for step in range(2 * STEPS):  # facenet_pytorch.training.pass_epoch: forward, loss, backward, step
        if step == STEPS:
            torch.cuda.synchronize()
            start = time.monotonic()
        optimiser.zero_grad()
        with torch.autocast("cuda", torch.bfloat16):
            loss = nn.functional.cross_entropy(network(batch), labels)
        loss.backward()
        optimiser.step()
    torch.cuda.synchronize()
    print(
        f"facenet-pytorch, training alone on one batch: {PICTURES * STEPS / (time.monotonic() - start):.0f} per second"
    )


def _cpu() -> object:
    import torch

    return torch.device("cpu")


if __name__ == "__main__":
    main()

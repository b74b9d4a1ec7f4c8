"""Whether training teaches anything, shown on LFW people who are held out. Takes some minutes each on two cores.

    python benchmarks/training.py scratch out     from random weights, a small network (... only-train: timed alone)
    python benchmarks/training.py tune out        facenet-vggface2's last block, on half of the people
    python benchmarks/training.py gpu             pictures a second beside facenet-pytorch's own loop; needs a GPU

Needs NITAKAO_SHARED. Networks are judged once, at the end: nothing is chosen by the people who judge. What it printed
stands in TRAINING.md.
"""

from __future__ import annotations

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
from nitakao.training.settings import TrainingSettings
from nitakao.training.splits import Examples, Split, split
from nitakao.values import Floats, ModelCard

FARS, DRAWS = (1e-2, 1e-3, 1e-4), 400
STEPS, PICTURES = 50, 90  # of the GPU's timing: davidsandberg's batch

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
    what, *rest = sys.argv[1:] or ["--help"]
    if what == "scratch":
        scratch(Path(rest[0]), "only-train" not in rest)
    elif what == "tune":
        tune(Path(rest[0]))
    elif what == "gpu":
        gpu()
    else:
        print(__doc__)


def scratch(out: Path, compared: bool) -> None:
    divided = trained(SCRATCH, out, None)
    if not compared:
        return
    network = initial_weights.network(SCRATCH, None, "")
    normalisation = export.face(SCRATCH, None)[1]
    cpu = _cpu()
    before = loop.embedded(network, divided.judged, normalisation, unit=True, device=cpu)
    compare(divided.judged, before, by(registry.card(str(out)), divided.judged), "random", "trained")


def tune(out: Path) -> None:
    known = registry.card("facenet-vggface2")
    divided = trained(TUNE, out, known)
    before, after = (by(card, divided.judged) for card in (known, registry.card(str(out))))
    compare(divided.judged, before, after, known.name, "tuned")


def trained(settings: TrainingSettings, out: Path, basis: ModelCard | None) -> Split:
    """The people of a run that is made now, in `out`."""
    lfw = Path(os.environ["NITAKAO_SHARED"]) / "data" / "lfw"
    people = tuple(line.split("\t")[0] for line in (lfw / "people.txt").read_text("utf-8").splitlines())
    crops = out / "crops"
    if not (out / "metrics.json").is_file():  # a finished run is only compared
        made(settings, out, lfw / "images", people, crops, basis)
    examples = dataset.cut(dataset.find_people(lfw / "images", people), crops, export.face(settings, basis)[0])
    return split(examples, settings.held_out, settings.seed, settings.min_pictures)


def made(
    settings: TrainingSettings, out: Path, images: Path, people: tuple[str, ...], crops: Path, basis: ModelCard | None
) -> None:
    """The run itself, timed from the first picture to the exported model."""
    begin, begin_cpu = time.monotonic(), time.process_time()

    def tell(event: loop.Event) -> None:
        if isinstance(event, loop.StepEvent) and event.step % 20 == 0:
            print(f"step {event.step}: loss {event.loss:.3f}, {time.monotonic() - begin:.0f} s", flush=True)

    task.train(
        out,
        images,
        people=people,
        settings=settings,
        begin=None if basis is None else basis.name,
        crops=crops,
        device="cpu",
        watch=Progress(print),
        tell=tell,
    )
    wall, cpu = time.monotonic() - begin, time.process_time() - begin_cpu
    print(f"trained and exported in {wall:.0f} s, {cpu:.0f} s of processors", flush=True)


def by(card: ModelCard, examples: Examples) -> Floats:
    """(n, D) vectors of all examples by a model, as every command has them."""
    network = embedder.load(card)
    rows = np.arange(len(examples), dtype=np.intp)
    return np.concatenate([network(examples.crops(part)) for part in np.array_split(rows, max(1, len(rows) // 64))])


def compare(examples: Examples, before: Floats, after: Floats, one: str, other: str) -> None:
    pairs = validation.pairs(examples)
    apart = [pairs.apart(vectors) for vectors in (before, after)]
    print(f"{len(examples)} pictures of {len(examples.people)} people")
    for far in FARS:
        for name, distances in zip((one, other), apart, strict=True):
            found = validation.metrics_of(pairs, distances, far)
            print(f"{name}: AUC {found.auc:.4f}, VAL {found.val:.4f} at FAR {far:g}, accuracy {found.accuracy:.4f}")
    for figure, (gain, interval) in validation.gain(pairs, *apart, FARS[1], DRAWS).items():
        told = f"{gain:+.4f}, 95% of {DRAWS} draws of people {interval.low:+.4f} to {interval.high:+.4f}"
        print(f"{other} less {one}, {figure} (VAL at FAR {FARS[1]:g}): {told}", flush=True)


def gpu() -> None:
    """Pictures a second of Inception-ResNet-v1 in bf16: our step, and facenet-pytorch's, same card, same batch."""
    import torch
    from torch import nn

    if not torch.cuda.is_available():
        sys.exit("this needs a GPU, and PyTorch finds none: nothing was measured")
    settings = replace(TUNE, only=(), people=30, pictures=3, loss="softmax", precision="bf16", steps=STEPS * 2)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (900, 160, 160, 3), np.uint8)
    faces = [(f"person {n // 9}", str(n), n) for n in range(900)]
    from nitakao.training.distributed import join_group
    from nitakao.training.splits import make_examples

    whole = make_examples(pixels, faces)
    ours: list[float] = []
    with join_group("cuda") as group:
        loop.train(
            initial_weights.network(settings, None, ""),
            Split(whole, whole.of(()), ()),
            settings,
            export.face(settings, None)[1],
            Path(os.environ.get("OUT", "out")) / "gpu",
            told="",
            group=group,
            validation_set=None,
            tell=lambda event: ours.append(time.monotonic()),
        )
    print(f"nitakao, reading, augmenting and training: {PICTURES * STEPS / (ours[-1] - ours[-1 - STEPS]):.0f} a second")
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
    print(f"facenet-pytorch, training alone on one batch: {PICTURES * STEPS / (time.monotonic() - start):.0f} a second")


def _cpu() -> object:
    import torch

    return torch.device("cpu")


if __name__ == "__main__":
    main()

"""nitakao train: a model trained on photos of people."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.cli.output import Steps
    from nitakao.tasks.train.train import Trained
    from nitakao.training.loop import Event

# Spelled out, since importing nitakao.training is slow; a test compares them.
NETWORKS = ("mobilefacenet", "facenet", "nn4-small2")
LOSSES = ("cosface", "arcface", "softmax", "centre", "triplet", "batch-hard")
OPTIMISERS = ("adamw", "sgd")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
AUGMENTATIONS = ("flip", "jitter", "colour", "jpeg", "blur", "cutout")

_SETTINGS = (
    click.option("--network", type=click.Choice(NETWORKS), help="Network architecture (mobilefacenet)."),
    click.option("--image-size", "size", type=int, metavar="PX", help="Side of the crops (112, 160, 96, by network)."),
    click.option("--dimension", type=int, help="Embedding size (128, 512, 128, by network)."),
    click.option("--width", type=float, metavar="X", help="Width multiplier of all channels (1)."),
    click.option("--unit-length/--no-unit-length", default=None, help="L2-normalise embeddings (yes)."),
    click.option("--dropout", type=float, metavar="SHARE", help="Dropout before facenet's last layer (0)."),
    click.option("--loss", type=click.Choice(LOSSES), help="Loss function (cosface)."),
    click.option("--loss-margin", "margin", type=float, help="Margin of the loss (its authors' value)."),
    click.option("--scale", type=float, help="Scale of the logits in cosface and arcface (30)."),
    click.option("--centre-weight", type=float, help="Weight of the centre loss (0.003)."),
    click.option("--warm-up", type=int, metavar="STEPS", help="Warm-up steps of the margin (200)."),
    click.option("--people-per-batch", "people", type=int, metavar="P", help="People per batch (16)."),
    click.option(
        "--pictures-per-person", "pictures", type=int, metavar="K", help="Pictures of each person per batch (4)."
    ),
    click.option(
        "--natural/--balanced",
        default=None,
        help="Sample pictures uniformly, or people uniformly (balanced).",
    ),
    click.option("--steps", type=int, help="Optimizer steps (2000)."),
    click.option("--accumulate", type=int, metavar="N", help="Gradient accumulation: batches per step (1)."),
    click.option("--optimizer", "optimiser", type=click.Choice(OPTIMISERS), help="Optimizer (adamw)."),
    click.option("--learning-rate", "rate", type=float, help="Learning rate (0.001)."),
    click.option("--weight-decay", type=float, help="Weight decay (0.0005)."),
    click.option(
        "--epoch-steps",
        "epoch",
        type=int,
        metavar="N",
        help="Steps per epoch of a schedule file (one pass over the data).",
    ),
    click.option("--ema", type=float, metavar="SHARE", help="EMA decay of the weights (0.999)."),
    click.option("--precision", type=click.Choice(PRECISIONS), help="Numeric precision (auto: bf16 on a GPU)."),
    click.option("--held-out", type=float, metavar="SHARE", help="Share of people held out for validation (0.1)."),
    click.option("--far", type=float, metavar="RATE", help="False accept rate of the validation (0.001)."),
    click.option("--evaluate-every", type=int, metavar="STEPS", help="Steps between validations (200)."),
    click.option(
        "--checkpoint-every", "keep_every", type=int, metavar="STEPS", help="Steps between checkpoints (200)."
    ),
    click.option("--patience", type=int, metavar="N", help="Stop after N validations without improvement (0: never)."),
    click.option("--freeze", multiple=True, metavar="LAYER", help="Freeze layers of this name; * matches any text."),
    click.option(
        "--only", multiple=True, metavar="LAYER", help="Train only layers of this name, and freeze all others."
    ),
    click.option("--seed", type=int, help="Random seed (0)."),
)


def _settings_options(command: Any) -> Any:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


@click.command(epilog=options.example("nitakao train people -o mine"))
@click.argument("folder", required=False, type=click.Path(), metavar="[DIR]")
@click.option("-o", "--out", required=True, type=click.Path(), metavar="RUN", help="Folder of the run and its model.")
@click.option("--gallery", metavar="FILE", help="Train on the named people of this gallery instead of DIR.")
@click.option(
    "--people", "people_list", type=click.Path(), metavar="FILE", help="Only people named in this file, one per line."
)
@click.option(
    "--from", "begin", metavar="MODEL", help="Initial weights: a model, a .pt or .t7 file, or a run (random)."
)
@click.option("--name", help="Name of the model (that of its folder).")
@click.option("--resume", is_flag=True, help="Resume the run in RUN with its settings and pictures.")
@click.option(
    "--eval-pairs",
    "pairs",
    nargs=2,
    type=click.Path(),
    metavar="FILE DIR",
    help="Also validate on these pairs, in LFW's layout.",
)
@click.option(
    "--crops", type=click.Path(), metavar="DIR", help="Folder for the aligned crops, to share between runs (in RUN)."
)
@click.option("--check-labels", is_flag=True, help="First list pictures that look mislabelled (label-noise.csv).")
@click.option("--check-model", metavar="MODEL", help="Model that checks labels (dlib-resnet).")
@click.option("--schedule", metavar="NAME", help="Learning rate schedule: cosine, step, or a schedule file (cosine).")
@click.option("--augment", metavar="LIST", help=f"Augmentations: {','.join(AUGMENTATIONS)} (all), or none.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Device to train on (auto: a GPU if there is one)."
)
@_settings_options
@options.detector_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@options.with_voice
def train(
    voice: Voice,
    folder: str | None,
    out: str,
    gallery: str | None,
    people_list: str | None,
    begin: str | None,
    name: str | None,
    resume: bool,
    pairs: tuple[str, str] | None,
    crops: str | None,
    check_labels: bool,
    check_model: str | None,
    schedule: str | None,
    augment: str | None,
    device: str | None,
    detector: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train a model on photos of people.

    DIR has one folder of pictures per person. The network is validated on held-out people, and its accuracy is written
    to the model's card. To use the model: --model RUN.

    With few people, fine-tune: --from facenet-vggface2 --network facenet. Training on a CPU takes hours. On several
    GPUs: torchrun --no-python --nproc-per-node 2 nitakao train ... Ctrl-C writes a checkpoint, and --resume continues
    from it. Requires the extra: pip install "nitakao[train]".
    """
    from nitakao.tasks.train import train as task

    given = _given(settings, schedule, augment)
    if resume and (given or folder or gallery or begin or name or people_list or pairs or crops):
        raise click.UsageError("--resume uses the run's own settings and pictures: give only --out")
    from nitakao.tasks.train.face_crops import Progress
    from nitakao.training.settings import TrainingData
    from nitakao.values import DetectorSettings

    data = None
    if not resume:
        listed, listed_folder = pairs or (None, None)
        data = TrainingData(
            folder,
            gallery,
            _people(people_list),
            listed,
            listed_folder,
            crops=crops,
            initial_weights=begin,
            detector=None if detector is None else DetectorSettings(name=detector),  # type: ignore[arg-type]
            name=name,
        )
    with voice.progress("steps") as steps:
        shown = _Shown(voice, steps)
        trained = task.train(
            out,
            data,
            settings=None if resume else _settings(given),
            check_labels=(check_model or "dlib-resnet") if check_labels or check_model else None,
            device=device or "auto",
            resume=resume,
            progress=Progress(voice.warn, shown.cut, shown.told),
        )
    if trained is not None:
        _as_json(trained) if as_json else _summary(trained)


def _given(settings: dict[str, Any], schedule: str | None, augment: str | None) -> dict[str, Any]:
    """The settings that were set explicitly."""
    found = {name: value for name, value in settings.items() if value not in (None, ())}
    if schedule is not None:
        found["schedule"] = schedule
    if augment is not None:
        found["augment"] = () if augment == "none" else tuple(word.strip() for word in augment.split(","))
    return found


def _settings(given: dict[str, Any]) -> Any:
    from pathlib import Path

    from nitakao.training import schedule
    from nitakao.training.settings import TrainingSettings

    asked = given.get("schedule")
    if asked is not None and asked not in schedule.SCHEDULES:
        given = {**given, "schedule": schedule.read(Path(asked))}
    return TrainingSettings(**given)


def _people(path: str | None) -> tuple[str, ...]:
    """Names, one per line; text after a tab is ignored."""
    if path is None:
        return ()
    with open(path, encoding="utf-8") as file:
        return tuple(name for line in file if (name := line.split("\t")[0].strip()))


class _Shown:
    """Progress of a training on standard error."""

    def __init__(self, voice: Voice, steps: Steps) -> None:
        self._voice, self._steps = voice, steps
        self._cut = 0

    def cut(self, total: int) -> None:
        self._cut += 1
        if self._cut == total:
            self._voice.warn(f"{plural(total, 'picture')} cropped")

    def told(self, event: Event) -> None:
        from nitakao.training.loop import Notice, ValidationEvent

        if isinstance(event, Notice):
            self._voice.warn(event.text)
        elif isinstance(event, ValidationEvent):
            found = event.validation
            text = f"step {event.step}: AUC {found.auc:.4f}, VAL {found.val:.2%} at FAR {found.far:g}"
            if event.listed is not None:
                text += f"; listed pairs: AUC {event.listed.auc:.4f}, accuracy {event.listed.accuracy:.2%}"
            self._voice.warn(text + (", best so far" if event.best else ""))
        else:
            self._steps.total = event.steps
            self._voice.detail(f"step {event.step}: loss {event.loss:.4f}, rate {event.rate:.2e}, {event.used} used")
            self._steps.step(event.step - self._steps.done)


def _summary(trained: Trained) -> None:
    card, found = trained.card, trained.validation
    click.echo(
        f"{card.name}: {plural(trained.pictures, 'picture')} of {plural(trained.people, 'person', 'people')}, "
        f"weights of step {trained.step} of {trained.steps}, {output.format_duration(trained.seconds)}"
    )
    if found is None:
        click.echo("nobody was held out: not validated, and no threshold is known")
    else:
        click.echo(
            f"held out: {plural(trained.held_out_pictures, 'picture')} of "
            f"{plural(trained.held_out_people, 'person', 'people')}, AUC {found.auc:.4f}, VAL {found.val:.2%} at FAR "
            f"{found.far:g}; euclidean, same person below {card.threshold:g} ({found.accuracy:.2%} right)"
        )
    click.echo(f"PyTorch and ONNX agree to {trained.parity:.0e}; use it: --model {trained.folder}")


def _as_json(trained: Trained) -> None:
    found = trained.validation
    output.json_line(
        {
            "model": trained.card.name,
            "output": str(trained.folder),
            "step": trained.step,
            "steps": trained.steps,
            "people": trained.people,
            "pictures": trained.pictures,
            "held_out_people": trained.held_out_people,
            "held_out_pictures": trained.held_out_pictures,
            **(asdict(found) if found is not None else {"threshold": math.nan}),
            "parity": trained.parity,
            "doubted": trained.noisy_labels,
            "seconds": round(trained.seconds, 3),
        }
    )

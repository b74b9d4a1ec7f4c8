"""nitakao train: pictures of people to a model of one's own."""

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

# Spelled out, as reading them from nitakao.training would be slow for --help; a test compares them.
NETWORKS = ("mobilefacenet", "facenet", "nn4-small2")
LOSSES = ("cosface", "arcface", "softmax", "centre", "triplet", "batch-hard")
OPTIMISERS = ("adamw", "sgd")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
AUGMENTATIONS = ("flip", "jitter", "colour", "jpeg", "blur", "cutout")

_SETTINGS = (
    click.option("--network", type=click.Choice(NETWORKS), help="What is trained (mobilefacenet)."),
    click.option("--size", type=int, metavar="PX", help="Side of the crops (the network's own: 112, 160, 96)."),
    click.option("--dimension", type=int, help="Numbers a face (the network's own: 128, 512, 128)."),
    click.option("--width", type=float, metavar="X", help="Factor on all channels, for smaller networks (1)."),
    click.option(
        "--unit-length/--no-unit-length", default=None, help="Whether vectors have length 1 (they do), as FaceNet's."
    ),
    click.option("--dropout", type=float, metavar="SHARE", help="Left out before facenet's last layer (0)."),
    click.option("--loss", type=click.Choice(LOSSES), help="What is made small (cosface)."),
    click.option("--margin", type=float, help="The loss's margin (its authors' own)."),
    click.option("--scale", type=float, help="What cosines are multiplied by, in cosface and arcface (30)."),
    click.option("--centre-weight", type=float, help="Of the centre loss beside the softmax (0.003)."),
    click.option("--warm-up", type=int, metavar="STEPS", help="Steps in which the margin grows from 0 (200)."),
    click.option("--people-per-batch", "people", type=int, metavar="P", help="People in a batch (16)."),
    click.option("--pictures-per-person", "pictures", type=int, metavar="K", help="Pictures of each in a batch (4)."),
    click.option(
        "--natural/--balanced",
        default=None,
        help="Draw pictures as often as they are there, or every person alike (balanced).",
    ),
    click.option("--steps", type=int, help="Updates in all (2000)."),
    click.option("--accumulate", type=int, metavar="N", help="Batches added up in one update (1)."),
    click.option("--optimiser", type=click.Choice(OPTIMISERS), help="How weights are moved (adamw)."),
    click.option("--rate", type=float, help="The learning rate (0.001)."),
    click.option("--weight-decay", type=float, help="How much weights are pulled to 0 (0.0005)."),
    click.option("--epoch", type=int, metavar="STEPS", help="Steps that a schedule file's epoch has (once through)."),
    click.option("--ema", type=float, metavar="SHARE", help="Kept at each step of the weights' mean (0.999)."),
    click.option("--precision", type=click.Choice(PRECISIONS), help="Of the network's numbers (auto: bf16 on a GPU)."),
    click.option("--held-out", type=float, metavar="SHARE", help="Of the people, to judge the network by (0.1)."),
    click.option("--far", type=float, metavar="RATE", help="False accept rate at which it is judged (0.001)."),
    click.option("--evaluate-every", type=int, metavar="STEPS", help="Steps between judgements (200)."),
    click.option("--keep-every", type=int, metavar="STEPS", help="Steps between checkpoints (200)."),
    click.option("--patience", type=int, metavar="N", help="End after so many judgements without a gain (0: never)."),
    click.option(
        "--freeze", multiple=True, metavar="LAYER", help="A layer that stays as it is; * stands for any text."
    ),
    click.option("--only", multiple=True, metavar="LAYER", help="Train this layer, and leave all others as they are."),
    click.option("--seed", type=int, help="Of all chance (0)."),
)


def _settings_options(command: Any) -> Any:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


@click.command(epilog=options.example("nitakao train people -o mine"))
@click.argument("folder", required=False, type=click.Path(), metavar="[DIR]")
@click.option(
    "-o", "--out", required=True, type=click.Path(), metavar="RUN", help="The folder of the run and its model."
)
@click.option("--gallery", metavar="FILE", help="Train on the people with a name of this gallery instead.")
@click.option("--people", "people_list", type=click.Path(), metavar="FILE", help="Only these people, one a line.")
@click.option(
    "--from", "begin", metavar="MODEL", help="Begin with the weights of this model, .pt or .t7 file, or run (random)."
)
@click.option("--name", help="What the model is called (as its folder).")
@click.option("--resume", is_flag=True, help="Go on with the run in RUN, whose settings and pictures it knows.")
@click.option(
    "--pairs", nargs=2, type=click.Path(), metavar="FILE DIR", help="Judge by these pairs too, in LFW's layout."
)
@click.option("--crops", type=click.Path(), metavar="DIR", help="Keep faces here, for several runs (in RUN).")
@click.option(
    "--check-labels", is_flag=True, help="First list pictures that look like somebody else (label-noise.csv)."
)
@click.option("--check-model", metavar="MODEL", help="The model that judges labels (dlib-resnet).")
@click.option(
    "--schedule", metavar="WORD", help="The learning rate's course: cosine, step, or a schedule file (cosine)."
)
@click.option("--augment", metavar="LIST", help=f"Changes made to pictures, of {','.join(AUGMENTATIONS)} (all); none.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where it computes (auto: a GPU if any).")
@_settings_options
@options.detector_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@options.voiced
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
    """Train a network on pictures of people, and leave it as a model of your own.

    DIR holds a folder of pictures for each person, called as they are. Some people are held out, and the network is
    judged by them; what it is worth stands on its card. RUN is a model at once: --model RUN in every command.

    Without a GPU this takes hours for many people; begin with --from facenet-vggface2 --network facenet where you have
    few. Several GPUs: torchrun --no-python --nproc-per-node 2 nitakao train ... Ctrl-C leaves a checkpoint, and
    --resume goes on from it. Needs the extra: pip install "nitakao[train]".
    """
    from nitakao.tasks.train import train as task

    given = _given(settings, schedule, augment)
    if resume and (given or folder or gallery or begin or name or people_list or pairs or crops):
        raise click.UsageError("--resume goes on with the run's own settings and pictures: name only -o")
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
    """What was asked for outright; all else is the settings' own."""
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
    """Names, one a line; what follows a tab is left out."""
    if path is None:
        return ()
    with open(path, encoding="utf-8") as file:
        return tuple(name for line in file if (name := line.split("\t")[0].strip()))


class _Shown:
    """What is seen on standard error while a training goes on."""

    def __init__(self, voice: Voice, steps: Steps) -> None:
        self._voice, self._steps = voice, steps
        self._cut = 0

    def cut(self, total: int) -> None:
        self._cut += 1
        if self._cut == total:
            self._voice.warn(f"{plural(total, 'picture')} looked at")

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
        f"weights of step {trained.step} of {trained.steps}, {output.duration(trained.seconds)}"
    )
    if found is None:
        click.echo("nobody was held out: not judged, and no threshold is known")
    else:
        click.echo(
            f"held out: {plural(trained.held_out_pictures, 'picture')} of "
            f"{plural(trained.held_out_people, 'person', 'people')}, AUC {found.auc:.4f}, VAL {found.val:.2%} at FAR "
            f"{found.far:g}; euclidean, same person below {card.threshold:g} ({found.accuracy:.2%} right)"
        )
    click.echo(f"PyTorch and the graph agree to {trained.parity:.0e}; use it: --model {trained.folder}")


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

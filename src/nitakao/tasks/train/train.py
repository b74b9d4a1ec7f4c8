"""A network trained on people's faces, and left as a model that every command takes."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nitakao import training
from nitakao.errors import MisuseError
from nitakao.tasks.train import face_crops
from nitakao.tasks.train.face_crops import Watching
from nitakao.training.settings import TrainingSettings
from nitakao.values import CropRule, DetectorSettings, ModelCard

if TYPE_CHECKING:  # PyTorch is loaded only where something is trained
    from nitakao.training.distributed import World
    from nitakao.training.loop import Event, Exam, Run
    from nitakao.training.run_record import Data
    from nitakao.training.splits import Examples, Split
    from nitakao.training.validation import Pairs, Verdict


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    card: of the model, ready to be used from `folder`.  parity: how far its graph is from PyTorch.
    verdict: of the model on people held out, None where nobody was.  step: which weights these are, of `steps` made.
    doubted: pictures that seem to stand under the wrong name, None where nobody looked.
    """

    card: ModelCard
    folder: Path
    parity: float
    verdict: Verdict | None
    step: int
    steps: int
    people: int
    pictures: int
    judged_people: int
    judged_pictures: int
    doubted: int | None
    seconds: float


def train(
    out: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    *,
    gallery: str | None = None,
    people: tuple[str, ...] = (),
    settings: TrainingSettings | None = None,
    begin: str | None = None,
    name: str | None = None,
    pairs: tuple[str, str] | None = None,
    crops: str | os.PathLike[str] | None = None,
    check_labels: str | None = None,
    detector: DetectorSettings | None = None,
    device: str = "auto",
    resume: bool = False,
    watch: Watching | None = None,
    tell: Callable[[Event], None] = lambda event: None,
) -> Trained | None:
    """The model that was trained, left in the folder `out`; None in all processes of a training but the first.

    folder: holds a folder of pictures for each person, or else gallery: the people of it who have a name.
    people: those of the folder who are taken; empty for all.
    begin: what weights to begin with: a model's name or card, a .pt or .t7 file, or the folder of another run.
    pairs: a list in LFW's layout and the folder that it speaks of, on which the network is judged too.
    crops: where faces that were cut out are kept, for several runs; else within `out`.
    check_labels: the model by which pictures under the wrong name are looked for first.
    resume: go on with the run in `out`, whose settings and pictures it knows.
    Raises TrainingError where it cannot start or go on, MissingExtraError without PyTorch.
    """
    training.require()
    from nitakao.training import run_record
    from nitakao.training.distributed import entered

    run, watch, began = Path(out), watch or Watching(), time.monotonic()
    if resume:
        settings, data = run_record.read(run)
        detector = run_record.detector(data)
    else:
        if (folder is None) == (gallery is None):
            raise MisuseError("a training is on a folder of people, or on a gallery: name one of them")
        run_record.prepare(run)
        listed, listed_folder = (None, None) if pairs is None else (_absolute(path) for path in pairs)
        data = run_record.Data(
            name or run.resolve().name,
            _absolute(folder),
            gallery,
            people,
            listed,
            listed_folder,
            _absolute(crops),
            begin,
            None if detector is None else asdict(detector),
        )
    work = _Work(run, settings or TrainingSettings(), data, detector, watch, tell)
    with entered(device) as world:
        return work.done(world, check_labels, resume, began)


def _absolute(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.path.abspath(path)


@dataclass(frozen=True)
class _Work:
    """One training."""

    run: Path
    settings: TrainingSettings
    data: Data
    detector: DetectorSettings | None
    watch: Watching
    tell: Callable[[Event], None]

    def done(self, world: World, check_labels: str | None, resume: bool, began: float) -> Trained | None:
        from nitakao.training import export, initial_weights, loop, pretrained, run_record

        basis, weights = (None, None) if self.data.begin is None else pretrained.found(self.data.begin)
        rule, normalisation = export.face(self.settings, basis)
        network = initial_weights.network(self.settings, weights, str(self.data.begin), world.rank)
        divided, exam, doubted = self._examined(rule, world, check_labels)
        told = run_record.told(self.settings, divided)
        if resume:
            run_record.check(self.run, told)
        elif world.first:
            run_record.write(self.run, self.settings, self.data)
        made = loop.train(
            network,
            divided,
            self.settings,
            normalisation,
            self.run,
            told=told,
            world=world,
            exam=exam,
            knows=weights is not None,
            resume=resume,
            tell=self.tell if world.first else lambda event: None,
        )
        return self._left(divided, exam, made, basis, world, doubted, began) if world.first else None

    def _examined(
        self, rule: CropRule, world: World, check_labels: str | None
    ) -> tuple[Split, Exam | None, int | None]:
        """People to train on, people to be judged by, and how many pictures are doubted."""
        from nitakao.training import loop, validation
        from nitakao.training.splits import listed, split

        settings = self.settings
        found, also, doubted = None, None, None
        if world.first:
            found, doubted = self._faces(rule, check_labels)
            also = self._listed(rule)
        examples = self._agreed(found, rule, world)
        divided = split(examples, settings.held_out, settings.seed, settings.least_pictures)
        if divided.left_out and world.first:
            self.watch.say(f"one picture is too few where triplets need two: {listed(divided.left_out)} left out")
        if not len(divided.judged):
            return divided, None, doubted
        return divided, loop.Exam(divided.judged, validation.pairs(divided.judged, settings.seed), also), doubted

    def _faces(self, rule: CropRule, check_labels: str | None) -> tuple[Examples, int | None]:
        place = self._place(rule)
        if self.data.folder is None:
            if check_labels is not None:
                raise MisuseError(
                    "labels are checked in folders; of a gallery, 'nitakao people review' shows the doubtful"
                )
            return face_crops.of_gallery(self.data.gallery, place, rule, self.watch), None
        folder = Path(self.data.folder)
        found, portrayed = face_crops.of_folder(folder, self.data.people, place, rule, self.detector, self.watch)
        if check_labels is None:
            return found, None
        return found, face_crops.doubted(portrayed, check_labels, self.detector, self.run, self.watch)

    def _listed(self, rule: CropRule) -> tuple[Examples, Pairs] | None:
        """Faces and pairs of a list in LFW's layout, None where none was given."""
        if self.data.pairs is None or self.data.pairs_folder is None:
            return None
        listed, folder = Path(self.data.pairs), Path(self.data.pairs_folder)
        return face_crops.of_pairs(listed, folder, self._place(rule), rule, self.detector, self.watch)

    def _place(self, rule: CropRule) -> Path:
        """Where crops are kept that were cut by this rule."""
        if self.data.crops is None:
            return self.run / "crops"
        return Path(self.data.crops) / hashlib.sha256(repr(rule).encode()).hexdigest()[:12]

    def _agreed(self, found: Examples | None, rule: CropRule, world: World) -> Examples:
        """The examples in all processes: the first has cut them out, the others map what it left."""
        if world.size == 1 and found is not None:
            return found
        from nitakao.training.crop_cache import mapped
        from nitakao.training.splits import Examples

        parts = None if found is None else (found.rows, found.labels, found.people, found.pictures)
        rows, labels, people, pictures = world.agreed(parts)
        return found or Examples(mapped(self._place(rule), rule.size), rows, labels, people, pictures)

    def _left(
        self,
        divided: Split,
        exam: Exam | None,
        run: Run,
        basis: ModelCard | None,
        world: World,
        doubted: int | None,
        began: float,
    ) -> Trained:
        """The best weights of the run exported, with what was measured of them."""
        from nitakao.training import checkpoints, export, loop, validation

        settings, trained, judged = self.settings, divided.trained, divided.judged
        step, told = run.step, export.Told(f"{len(trained):,} pictures of {len(trained.people):,} people", basis=basis)
        if exam is not None:
            checkpoints.put_back(run.mean, checkpoints.best_weights(self.run), "network")
            step, normalisation = run.best_step, export.face(settings, basis)[1]
            vectors = loop.embedded(run.mean, judged, normalisation, unit=settings.unit_length, device=world.device)
            apart = exam.pairs.apart(vectors)
            verdict = validation.verdict(exam.pairs, apart, settings.far)
            on = f"{verdict.same:,} pairs of one person and {verdict.different:,} of two, "
            on += f"{len(judged):,} pictures of {len(judged.people):,} people held out"
            told = replace(
                told, verdict=verdict, judged_on=on, calibration=validation.calibrated(exam.pairs, apart, on)
            )
        name = export.plain(self.data.name)
        card, parity = export.export(run.mean, settings, trained, told, self.run, name)
        made = Trained(
            card,
            self.run,
            parity,
            told.verdict,
            step,
            run.step,
            len(trained.people),
            len(trained),
            len(judged.people),
            len(judged),
            doubted,
            time.monotonic() - began,
        )
        figures = {**asdict(made), "card": card.name, "folder": self.run.name, "history": run.history}
        export.write_metrics(self.run, {**figures, "settings": asdict(settings)})
        return made

"""Train a network on people's faces, and export it as a model."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nitakao import training
from nitakao.errors import MisuseError
from nitakao.tasks.train import face_crops
from nitakao.tasks.train.face_crops import Progress
from nitakao.training.settings import TrainingData, TrainingSettings
from nitakao.values import CropRule, ModelCard

if TYPE_CHECKING:  # PyTorch is loaded only where something is trained
    from nitakao.training.distributed import ProcessGroup
    from nitakao.training.loop import Plan, Run, ValidationSet
    from nitakao.training.splits import Examples, Split
    from nitakao.training.validation import ValidationMetrics, ValidationPairs


@dataclass(frozen=True)
class Trained:
    """The result of `train`.

    Attributes:
        card: Card of the model in `folder`.
        folder: Folder of the run and its model.
        parity: Largest difference between vectors of PyTorch and of the exported graph.
        validation: Figures on held-out people; None without any.
        step: The step whose weights were exported.
        steps: Number of steps.
        people: Number of people trained on.
        pictures: Number of pictures trained on.
        held_out_people: Number of held-out people.
        held_out_pictures: Number of their pictures.
        noisy_labels: Number of pictures with probably wrong labels; None if labels were not checked.
        seconds: Duration.
    """

    card: ModelCard
    folder: Path
    parity: float
    validation: ValidationMetrics | None
    step: int
    steps: int
    people: int
    pictures: int
    held_out_people: int
    held_out_pictures: int
    noisy_labels: int | None
    seconds: float


def train(
    out: str | os.PathLike[str],
    data: TrainingData | None = None,
    *,
    settings: TrainingSettings | None = None,
    check_labels: str | None = None,
    device: str = "auto",
    resume: bool = False,
    progress: Progress | None = None,
) -> Trained | None:
    """Train a network, and export it as a model.

    Args:
        out: Folder of the run and its model.
        data: What to train on. Not with `resume`.
        settings: The settings. Not with `resume`.
        check_labels: Name or card of a model with which to look for wrong labels first. None: do not.
        device: 'cpu', 'cuda', or 'auto' for a GPU if there is one.
        resume: Continue the run in `out`, with its settings and data.
        progress: Callbacks.

    Returns:
        The result; None in all processes but the first.

    Raises:
        MisuseError: If arguments are invalid, or `out` has a run already.
        TrainingError: If the training cannot start or continue.
        MissingExtraError: If PyTorch is not installed.
    """
    training.require()
    from nitakao.training import run_record
    from nitakao.training.distributed import join_group

    run, start = Path(out), time.monotonic()
    if resume:
        settings, data = run_record.read(run)
    else:
        data = run_record.absolute(data or TrainingData())
        if data.folder is None and check_labels is not None:
            raise MisuseError("labels are checked in folders; for a gallery, use 'nitakao people review'")
        run_record.create_folder(run)
        data = replace(data, name=data.name or run.resolve().name)
    with join_group(device) as group:
        task = _Training(run, settings or TrainingSettings(), data, group, progress or Progress(), start)
        return task.run_all(check_labels, resume)


@dataclass(frozen=True)
class _Training:
    """One training, in this process."""

    run: Path
    settings: TrainingSettings
    data: TrainingData
    group: ProcessGroup
    progress: Progress
    start: float

    def run_all(self, check_labels: str | None, resume: bool) -> Trained | None:
        from nitakao.training import export, initial_weights, loop, pretrained, run_record

        source = self.data.initial_weights
        basis, weights = (None, None) if source is None else pretrained.read_weights(source)
        rule, normalisation = export.face_input(self.settings, basis)
        network = initial_weights.make_network(self.settings, weights, str(source), self.group.rank)
        split, validation_set, noisy_labels = self._load_data(rule, check_labels)
        fingerprint = run_record.fingerprint(self.settings, split)
        if resume:
            run_record.check(self.run, fingerprint)
        elif self.group.is_main:
            run_record.write(self.run, self.settings, self.data)
        plan = loop.Plan(split, self.settings, normalisation, self.run, fingerprint, self.group, validation_set)
        on_event = self.progress.on_event if self.group.is_main else lambda event: None
        run = loop.train(network, plan, pretrained=weights is not None, resume=resume, on_event=on_event)
        return self._export(plan, run, basis, noisy_labels) if self.group.is_main else None

    def _load_data(self, rule: CropRule, check_labels: str | None) -> tuple[Split, ValidationSet | None, int | None]:
        """The people to train on, the held-out people, and the number of noisy labels."""
        from nitakao.training import loop, validation
        from nitakao.training.splits import quote_names, split

        settings = self.settings
        examples, listed, noisy_labels = None, None, None
        if self.group.is_main:
            examples, noisy_labels = self._crop_faces(rule, check_labels)
            listed = self._crop_pairs(rule)
        parts = split(self._share(examples, rule), settings.held_out, settings.seed, settings.min_pictures)
        if parts.too_few and self.group.is_main:
            names = quote_names(parts.too_few)
            self.progress.on_message(f"one picture is too few where triplets need two: {names} left out")
        if not len(parts.held_out):
            return parts, None, noisy_labels
        pairs = validation.make_pairs(parts.held_out, settings.seed)
        return parts, loop.ValidationSet(parts.held_out, pairs, listed), noisy_labels

    def _crop_faces(self, rule: CropRule, check_labels: str | None) -> tuple[Examples, int | None]:
        data, cache = self.data, self._cache(rule)
        if data.folder is None:
            return face_crops.crop_gallery(data.gallery, cache, rule, self.progress), None
        examples, pictures = face_crops.crop_folder(
            Path(data.folder), data.people, cache, rule, data.detector, self.progress
        )
        if check_labels is None:
            return examples, None
        return examples, face_crops.check_labels(pictures, check_labels, data.detector, self.run, self.progress)

    def _crop_pairs(self, rule: CropRule) -> tuple[Examples, ValidationPairs] | None:
        """Faces and pairs of the list of pairs, if any."""
        data = self.data
        if data.pairs is None or data.pairs_folder is None:
            return None
        pairs, folder = Path(data.pairs), Path(data.pairs_folder)
        return face_crops.crop_pairs(pairs, folder, self._cache(rule), rule, data.detector, self.progress)

    def _cache(self, rule: CropRule) -> Path:
        """Folder of the crops of this rule."""
        if self.data.crops is None:
            return self.run / "crops"
        return Path(self.data.crops) / hashlib.sha256(repr(rule).encode()).hexdigest()[:12]

    def _share(self, examples: Examples | None, rule: CropRule) -> Examples:
        """The examples in all processes: the first has cropped them, the others map its files."""
        if self.group.size == 1 and examples is not None:
            return examples
        from nitakao.training.crop_cache import map_pixels
        from nitakao.training.splits import Examples

        parts = None if examples is None else (examples.rows, examples.labels, examples.people, examples.pictures)
        rows, labels, people, pictures = self.group.broadcast(parts)
        return examples or Examples(map_pixels(self._cache(rule), rule.size), rows, labels, people, pictures)

    def _export(self, plan: Plan, run: Run, basis: ModelCard | None, noisy_labels: int | None) -> Trained:
        """Export the best weights, with their figures."""
        from nitakao.training import checkpoints, export, loop, validation

        settings, trained, held_out = self.settings, plan.split.training, plan.split.held_out
        step = run.step
        details = export.CardDetails(f"{len(trained):,} pictures of {len(trained.people):,} people", basis=basis)
        if plan.validation_set is not None:
            checkpoints.load_state(run.mean, checkpoints.best_weights(self.run), "network")
            step, pairs = run.best_step, plan.validation_set.pairs
            unit, device = settings.unit_length, self.group.device
            vectors = loop.embed(run.mean, held_out, plan.normalisation, unit=unit, device=device)
            distances = pairs.distances(vectors)
            figures = validation.measure(pairs, distances, settings.far)
            source = f"{figures.same:,} pairs of one person and {figures.different:,} of two, "
            source += f"{len(held_out):,} pictures of {len(held_out.people):,} people held out"
            calibration = validation.fit_calibration(pairs, distances, source)
            details = replace(details, validation=figures, validation_data=source, calibration=calibration)
        name = export.plain_name(str(self.data.name))
        card, parity = export.export(run.mean, settings, trained, details, self.run, name)
        result = Trained(
            card=card,
            folder=self.run,
            parity=parity,
            validation=details.validation,
            step=step,
            steps=run.step,
            people=len(trained.people),
            pictures=len(trained),
            held_out_people=len(held_out.people),
            held_out_pictures=len(held_out),
            noisy_labels=noisy_labels,
            seconds=time.monotonic() - self.start,
        )
        metrics = {**asdict(result), "card": card.name, "folder": self.run.name, "history": run.history}
        export.write_metrics(self.run, {**metrics, "settings": asdict(settings)})
        return result

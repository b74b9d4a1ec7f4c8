"""The training loop: batches in, steps made, the network validated now and then, checkpoints saved.

    each step:         batches -> network -> loss -> gradients -> optimizer -> moving average of the weights
    every N steps:     moving average -> vectors of held-out people -> VAL at FAR -> save the best weights

Everything that the next step depends on is in `Run.state`, and a batch depends on its number alone. So a run that was
killed and resumed on a CPU ends with the same bits as one that was not.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from nitakao.errors import TrainingError
from nitakao.models.embedder import normalise, unit_length
from nitakao.training import checkpoints, initial_weights, schedule, validation
from nitakao.training.batches import Batches
from nitakao.training.distributed import ProcessGroup
from nitakao.training.logs import Logs
from nitakao.training.losses import Loss
from nitakao.training.sampling import Sampler
from nitakao.training.settings import TRIPLETS, TrainingSettings
from nitakao.training.splits import Examples, Split
from nitakao.training.stop_signal import StopSignal
from nitakao.training.validation import ValidationMetrics, ValidationPairs
from nitakao.values import Floats, Normalisation

MAX_GRADIENT_NORM = 5.0  # gradients are clipped to this: one odd batch must not undo what many have learnt
COLLAPSED = 0.01  # mean distance between the embeddings of a batch below which they have collapsed
COLLAPSED_FOR = 50  # steps until the warning
EMBED_BATCH = 64  # crops
LOG_EVERY = 10  # steps between two points of TensorBoard's curves


@dataclass(frozen=True)
class StepEvent:
    """A step is done. step: how many are done.  used: number of triplets or pictures that the loss averages over."""

    step: int
    steps: int
    loss: float
    rate: float
    used: int
    pictures: int


@dataclass(frozen=True)
class ValidationEvent:
    """The network was validated after a step. best: best so far.  listed: figures of the listed pairs, if any."""

    step: int
    validation: ValidationMetrics
    best: bool
    listed: ValidationMetrics | None = None


@dataclass(frozen=True)
class Notice:
    """A message for the user."""

    text: str


Event: TypeAlias = "StepEvent | ValidationEvent | Notice"
OnEvent: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, eq=False)
class ValidationSet:
    """Held-out people and pairs of them. listed: examples and pairs of a list that also validates the network."""

    examples: Examples
    pairs: ValidationPairs
    listed: tuple[Examples, ValidationPairs] | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """What `train` runs on.

    Attributes:
        split: The people to train on, and the held-out people.
        settings: The settings.
        normalisation: How the network takes pixels.
        folder: The folder of the run.
        fingerprint: Identifies settings and pictures; saved with each checkpoint.
        group: The processes of this training.
        validation_set: None to train without validation.
    """

    split: Split
    settings: TrainingSettings
    normalisation: Normalisation
    folder: Path
    fingerprint: str
    group: ProcessGroup
    validation_set: ValidationSet | None = None


class NetworkWithLoss(nn.Module):
    """The network and the loss as one module, so that processes share all learnt parameters."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, pictures: Tensor, labels: Tensor, step: int, autocast: Any) -> tuple[Tensor, int, float]:
        with autocast:
            features = self.network(pictures)
        loss = self.loss(features.float(), labels, step)  # distances and exponentials need full precision
        return loss.value, loss.used, loss.spread


@dataclass
class Run:
    """The state of a training.

    Attributes:
        model: The network and its loss.
        mean: The network with the exponential moving average of the weights.
        optimiser: The optimizer.
        scaler: The gradient scaler of fp16.
        step: Steps done.
        best: (VAL, AUC) of the best validation.
        best_step: Step of the best validation.
        stale: Validations since then.
        still: Steps for which the embeddings of a batch have been collapsed.
        history: Figures of each validation.
    """

    model: NetworkWithLoss
    mean: nn.Module
    optimiser: Any
    scaler: Any
    step: int = 0
    best: tuple[float, float] = (-1.0, -1.0)
    best_step: int = 0
    stale: int = 0
    still: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    def state(self, fingerprint: str) -> dict[str, Any]:
        """The content of a checkpoint."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "settings": fingerprint,
            "network": self.model.network.state_dict(),
            "loss": self.model.loss.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "chance": torch.get_rng_state(),
            "chance_cuda": cuda,
            **{name: getattr(self, name) for name in ("step", "best", "best_step", "stale", "still", "history")},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the content of a checkpoint. Raises TrainingError where it is of another network."""
        checkpoints.load_state(self.model.network, state["network"], "network")
        checkpoints.load_state(self.model.loss, state["loss"], "set of people, or loss")
        checkpoints.load_state(self.mean, state["mean"], "network")
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["chance"])
        if state["chance_cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["chance_cuda"])
        for name in ("step", "best_step", "stale", "still", "history"):
            setattr(self, name, state[name])
        self.best = (state["best"][0], state["best"][1])


def train(
    network: nn.Module,
    plan: Plan,
    *,
    pretrained: bool = False,
    resume: bool = False,
    on_event: OnEvent = lambda event: None,
) -> Run:
    """Train a network. The folder then has the last checkpoint and, with validation, the best weights.

    Args:
        network: The network, with initial weights.
        plan: What to train on.
        pretrained: Whether the initial weights are of a face network. The head of the loss then starts at the mean
            embedding of each person.
        resume: Continue from the checkpoint in the folder.
        on_event: Called after each step and validation.

    Returns:
        The state at the end.

    Raises:
        TrainingError: If the loss is not finite, with the step and the last good checkpoint.
        KeyboardInterrupt: After a stop signal, once a checkpoint is saved.
    """
    settings, group, trained = plan.settings, plan.group, plan.split.training
    frozen = initial_weights.freeze(network, settings.freeze, settings.only)
    run, parallel = _start(network, plan)
    if resume:
        run.restore(checkpoints.load(plan.folder))
    elif pretrained and settings.loss not in TRIPLETS:
        vectors = embed(run.mean, trained, plan.normalisation, unit=True, device=group.device)
        initial_weights.init_head(run.model.loss.head, vectors, trained.labels)
    sampler = Sampler(trained.labels, settings.people, settings.pictures, settings.natural, settings.seed)
    batches = Batches(trained, sampler, plan.normalisation, settings.augment, settings.seed)
    epoch = settings.epoch or max(1, sampler.batches_per_epoch // (settings.accumulate * group.size))
    with (
        StopSignal() as stop,
        closing(Logs(plan.folder / "logs" if group.is_main else None, run.step)) as logs,
        closing(batches.stream(_batch_numbers(run.step, plan))) as stream,
    ):
        rate = schedule.learning_rate(run.step, settings.steps, settings.rate, settings.schedule, epoch)
        while run.step < settings.steps and rate > 0:
            event = _step(run, parallel, stream, plan, rate, frozen)
            run.step += 1
            _update_mean(run.mean, run.model.network, settings.ema, run.step)
            on_event(event)
            _check_collapse(run, on_event)
            if run.step % LOG_EVERY == 0:
                logs.add(run.step, train__loss=event.loss, train__rate=rate, train__used=event.used)
            rate = schedule.learning_rate(run.step, settings.steps, settings.rate, settings.schedule, epoch)
            done = run.step == settings.steps or rate == 0  # a schedule's -1
            if plan.validation_set is not None and (done or run.step % settings.evaluate_every == 0):
                _validate(run, plan, plan.validation_set, logs, on_event)
                done = done or 0 < settings.patience <= run.stale
            if group.is_main and (done or stop.requested or run.step % settings.keep_every == 0):
                checkpoints.save(plan.folder, run.state(plan.fingerprint))
            if stop.requested:
                on_event(Notice(f"stopped; step {run.step} is saved: continue with --resume"))
                raise KeyboardInterrupt
            if done:
                break
    return run


def _start(network: nn.Module, plan: Plan) -> tuple[Run, nn.Module]:
    """The state before the first step, and the module that averages gradients over processes."""
    settings, group, trained = plan.settings, plan.group, plan.split.training
    with torch.no_grad():
        dimension = network.eval()(torch.zeros(2, 3, *trained.pixels.shape[1:3])).shape[1]
    # Channels last: 218 pictures/s instead of 168 (MobileFaceNet at 64 px, 2 cores).
    network = network.to(memory_format=torch.channels_last)
    model = NetworkWithLoss(network, Loss(settings, len(trained.people), dimension)).to(group.device)
    parameters = [p for p in model.parameters() if p.requires_grad]
    weights, biases = ([p for p in parameters if (p.ndim > 1) is is_weight] for is_weight in (True, False))
    # No weight decay of biases and normalisations: they are few, and decay does not help them.
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
    groups = [each for each in groups if each["params"]]
    if settings.optimiser == "sgd":
        optimiser: Any = torch.optim.SGD(groups, settings.rate, 0.9, weight_decay=settings.weight_decay)
    else:
        optimiser = torch.optim.AdamW(groups, settings.rate, weight_decay=settings.weight_decay)
    mean = copy.deepcopy(model.network).requires_grad_(False)
    scaler = torch.amp.GradScaler(group.device.type, enabled=settings.precision == "fp16")
    return Run(model, mean, optimiser, scaler), group.parallel(model)


def _batch_numbers(step: int, plan: Plan) -> Iterator[int]:
    """Numbers of this process's batches from this step on."""
    settings, group = plan.settings, plan.group
    for number in range(step * settings.accumulate, settings.steps * settings.accumulate):
        yield number * group.size + group.rank


def _step(
    run: Run,
    parallel: nn.Module,
    stream: Iterator[tuple[Tensor, Tensor]],
    plan: Plan,
    rate: float,
    frozen: list[str],
) -> StepEvent:
    """Update the weights once, by the batches of one step."""
    settings, group = plan.settings, plan.group
    parallel.train()
    initial_weights.set_eval(run.model.network, frozen)
    for parameters in run.optimiser.param_groups:
        parameters["lr"] = rate
    run.optimiser.zero_grad(set_to_none=True)
    loss, used, pictures = 0.0, 0, 0
    for last in chain(repeat(False, settings.accumulate - 1), [True]):
        crops, labels = next(stream)
        crops = crops.to(group.device, memory_format=torch.channels_last, non_blocking=True)
        labels = labels.to(group.device, non_blocking=True)
        with nullcontext() if last else group.no_sync(parallel):
            value, count, spread = parallel(crops, labels, run.step, group.autocast(settings.precision))
            _check_finite(float(value.detach()), run.step + 1, plan.folder, "loss")
            run.scaler.scale(value / settings.accumulate).backward()
        loss, used, pictures = loss + float(value.detach()) / settings.accumulate, used + count, pictures + len(labels)
        run.still = run.still + 1 if spread < COLLAPSED else 0
    run.scaler.unscale_(run.optimiser)
    norm = nn.utils.clip_grad_norm_(run.model.parameters(), MAX_GRADIENT_NORM)
    if not run.scaler.is_enabled():  # a scaler skips steps whose gradients overflow
        _check_finite(float(norm), run.step + 1, plan.folder, "gradient")
    run.scaler.step(run.optimiser)
    run.scaler.update()
    return StepEvent(run.step + 1, settings.steps, loss, rate, used, pictures * group.size)


def _check_finite(value: float, step: int, folder: Path, name: str) -> None:
    if math.isfinite(value):
        return
    saved = "there is no checkpoint before it"
    if checkpoints.exists(folder):
        saved = f"the last good checkpoint is that of step {checkpoints.load(folder)['step']} in '{folder}'"
    raise TrainingError(
        f"the {name} of step {step} is {value}: {saved}; lower the learning rate, or look for broken pictures"
    )


def _update_mean(mean: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Update the moving average of the weights; the decay is lower in the first steps."""
    decay = min(decay, (1 + step) / (10 + step)) if decay else 0.0
    with torch.no_grad():
        for old, new in zip(mean.parameters(), network.parameters(), strict=True):
            old.lerp_(new.detach(), 1 - decay)
        for old, new in zip(mean.buffers(), network.buffers(), strict=True):
            old.copy_(new)


def _check_collapse(run: Run, on_event: OnEvent) -> None:
    if run.model.loss.kind in TRIPLETS and run.still == COLLAPSED_FOR:
        on_event(
            Notice(
                f"the triplets have collapsed: for {COLLAPSED_FOR} steps all embeddings of a batch have been equal. "
                "Start again with a lower --learning-rate, more people in a batch, or first with --loss softmax"
            )
        )


def _validate(run: Run, plan: Plan, data: ValidationSet, logs: Logs, on_event: OnEvent) -> None:
    """Validate the moving average of the weights, and save it where it is the best so far."""
    if plan.group.is_main:
        metrics = _measure(run.mean, data.examples, data.pairs, plan)
        listed = None if data.listed is None else _measure(run.mean, *data.listed, plan)
        best = (metrics.val, metrics.auc) > run.best
        if best:
            checkpoints.save_best(plan.folder, run.mean.state_dict(), run.step)
        on_event(ValidationEvent(run.step, metrics, best, listed))
        run.history.append({"step": run.step, **{k: float(v) for k, v in asdict(metrics).items()}})
        if listed is not None:
            run.history[-1].update({f"listed_{k}": float(v) for k, v in asdict(listed).items()})
        if best:
            run.best, run.best_step, run.stale = (metrics.val, metrics.auc), run.step, 0
        else:
            run.stale += 1
        logs.add(run.step, held_out__auc=metrics.auc, held_out__val=metrics.val, held_out__accuracy=metrics.accuracy)
    run.stale = plan.group.broadcast(run.stale)


def _measure(network: nn.Module, examples: Examples, pairs: ValidationPairs, plan: Plan) -> ValidationMetrics:
    vectors = embed(network, examples, plan.normalisation, unit=plan.settings.unit_length, device=plan.group.device)
    return validation.measure(pairs, pairs.distances(vectors), plan.settings.far)


def embed(
    network: nn.Module, examples: Examples, normalisation: Normalisation, *, unit: bool, device: torch.device
) -> Floats:
    """(n, D) float32 vectors of all examples, as the exported model gives them."""
    network.eval()
    batches = []
    with torch.no_grad():
        for start in range(0, len(examples), EMBED_BATCH):
            rows = np.arange(start, min(start + EMBED_BATCH, len(examples)))
            pictures = torch.from_numpy(normalise(examples.crops(rows), normalisation)).to(device)
            batches.append(network(pictures).float().cpu().numpy())
    vectors = np.concatenate(batches)
    return unit_length(vectors) if unit else vectors

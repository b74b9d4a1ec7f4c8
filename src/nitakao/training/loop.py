"""The training itself: batches in, steps made, the network judged now and then, checkpoints kept.

    for each step:  batches -> network -> loss -> gradients -> optimiser -> mean of the weights
    now and then:   mean of the weights -> vectors of held-out people -> VAL@FAR -> the best is kept

Everything that the next step depends on is in `Run.state`; batches are a function of their number. So a run that was
killed and resumed ends, on a processor, in the same bits as one that was not.
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
from nitakao.training.distributed import World
from nitakao.training.logs import Logs
from nitakao.training.losses import Loss
from nitakao.training.sampling import Sampler
from nitakao.training.settings import TRIPLETS, TrainingSettings
from nitakao.training.splits import Examples, Split
from nitakao.training.stop_signal import Stop
from nitakao.training.validation import Pairs, Verdict
from nitakao.values import Floats, Normalisation

LONGEST_SLOPE = 5.0  # the gradient's length is cut to this: one odd batch must not undo what many have learnt
COLLAPSED, COLLAPSED_FOR = 0.01, 50  # mean distance in a batch below which, and steps after which, faces are one point
JUDGED_AT_ONCE = 64  # crops
TOLD_EVERY = 10  # steps between two points of TensorBoard's curves


@dataclass(frozen=True)
class Stepped:
    """step: done so far.  used: triplets or pictures that the loss was the mean of."""

    step: int
    steps: int
    loss: float
    rate: float
    used: int
    pictures: int


@dataclass(frozen=True)
class Judged:
    """step: after which.  best: whether none was better.  also: on pairs that were listed, where they were."""

    step: int
    verdict: Verdict
    best: bool
    also: Verdict | None = None


@dataclass(frozen=True)
class Notice:
    """A sentence that matters: an alarm, or where the run was stopped."""

    text: str


Event: TypeAlias = "Stepped | Judged | Notice"
Tell: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, eq=False)
class Exam:
    """People that the network is judged by. pairs: of them.  also: examples and pairs that were listed beside."""

    examples: Examples
    pairs: Pairs
    also: tuple[Examples, Pairs] | None = None


class Trainee(nn.Module):
    """The network and the loss as one, so that the processes of a training share all that is learnt."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, pictures: Tensor, labels: Tensor, step: int, autocast: Any) -> tuple[Tensor, int, float]:
        with autocast:
            features = self.network(pictures)
        cost = self.loss(features.float(), labels, step)  # distances and exponentials want all their digits
        return cost.value, cost.used, cost.spread


@dataclass
class Run:
    """Everything that changes as a training goes on.

    mean: the network with the running mean of its weights.  best: of a judgement, (VAL, AUC).  stale: judgements since.
    still: steps for which a batch's faces were one point.  history: of judgements, for the metrics.
    """

    trainee: Trainee
    mean: nn.Module
    optimiser: Any
    scaler: Any
    step: int = 0
    best: tuple[float, float] = (-1.0, -1.0)
    best_step: int = 0
    stale: int = 0
    still: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    def state(self, told: str) -> dict[str, Any]:
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "settings": told,
            "network": self.trainee.network.state_dict(),
            "loss": self.trainee.loss.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "chance": torch.get_rng_state(),
            "chance_cuda": cuda,
            **{name: getattr(self, name) for name in ("step", "best", "best_step", "stale", "still", "history")},
        }

    def put_back(self, state: dict[str, Any]) -> None:
        """As the run was when this was kept. Raises TrainingError where it is of another network."""
        checkpoints.put_back(self.trainee.network, state["network"], "network")
        checkpoints.put_back(self.trainee.loss, state["loss"], "set of people, or loss")
        checkpoints.put_back(self.mean, state["mean"], "network")
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
    split: Split,
    settings: TrainingSettings,
    normalisation: Normalisation,
    folder: Path,
    *,
    told: str,
    world: World,
    exam: Exam | None,
    knows: bool = False,
    resume: bool = False,
    tell: Tell = lambda event: None,
) -> Run:
    """The run at its end; `folder` holds its last checkpoint and, where it was judged, `best.pt`.

    told: what the run is of, kept with each checkpoint.  exam: None to train without being judged.
    knows: whether the network's weights are of faces already; a head then begins at what it makes of the people.
    Raises TrainingError where the loss is no number any more, naming the step and the last good checkpoint.
    """
    frozen = initial_weights.freeze(network, settings.freeze, settings.only)
    run, shared = _begun(network, split.trained, settings, world)
    if resume:
        run.put_back(checkpoints.load(folder))
    elif knows and settings.loss not in TRIPLETS:
        vectors = embedded(run.mean, split.trained, normalisation, unit=True, device=world.device)
        initial_weights.imprint(run.trainee.loss.head, vectors, split.trained.labels)
    sampler = Sampler(split.trained.labels, settings.people, settings.pictures, settings.natural, settings.seed)
    batches = Batches(split.trained, sampler, normalisation, settings.augment, settings.seed)
    epoch = settings.epoch or max(1, sampler.each_time // (settings.accumulate * world.size))
    numbers = _numbers(run.step, settings, world)
    with (
        Stop() as stop,
        closing(Logs(folder / "logs" if world.first else None, run.step)) as logs,
        closing(batches.stream(numbers)) as stream,
    ):
        rate = schedule.rate(run.step, settings.steps, settings.rate, settings.schedule, epoch)
        while run.step < settings.steps and rate > 0:
            stepped = _step(run, shared, stream, settings, world, rate, frozen, folder)
            run.step += 1
            _follow(run.mean, run.trainee.network, settings.ema, run.step)
            tell(stepped)
            _watch(run, tell)
            if run.step % TOLD_EVERY == 0:
                logs.add(run.step, train__loss=stepped.loss, train__rate=rate, train__used=stepped.used)
            rate = schedule.rate(run.step, settings.steps, settings.rate, settings.schedule, epoch)
            done = run.step == settings.steps or rate == 0  # a schedule's -1
            if exam is not None and (done or run.step % settings.evaluate_every == 0):
                _judge(run, exam, settings, normalisation, folder, world, logs, tell)
                done = done or 0 < settings.patience <= run.stale
            if world.first and (done or stop.asked or run.step % settings.keep_every == 0):
                checkpoints.save(folder, run.state(told))
            if stop.asked:
                tell(Notice(f"stopped; step {run.step} is kept: go on with --resume"))
                raise KeyboardInterrupt
            if done:
                break
    return run


def _begun(network: nn.Module, trained: Examples, settings: TrainingSettings, world: World) -> tuple[Run, nn.Module]:
    with torch.no_grad():
        dimension = network.eval()(torch.zeros(2, 3, *trained.pixels.shape[1:3])).shape[1]
    # Channels last: 218 pictures/s instead of 168 (MobileFaceNet at 64 px, 2 cores).
    network = network.to(memory_format=torch.channels_last)
    trainee = Trainee(network, Loss(settings, len(trained.people), dimension)).to(world.device)
    learnt = [p for p in trainee.parameters() if p.requires_grad]
    kernels, shifts = ([p for p in learnt if (p.ndim > 1) is wide] for wide in (True, False))
    # Shifts and gains are few, and small for no reason: nothing pulls them to 0.
    kinds: list[dict[str, Any]] = [{"params": kernels}, {"params": shifts, "weight_decay": 0.0}]
    kinds = [kind for kind in kinds if kind["params"]]
    if settings.optimiser == "sgd":
        made: Any = torch.optim.SGD(kinds, settings.rate, 0.9, weight_decay=settings.weight_decay)
    else:
        made = torch.optim.AdamW(kinds, settings.rate, weight_decay=settings.weight_decay)
    mean = copy.deepcopy(trainee.network).requires_grad_(False)
    scaler = torch.amp.GradScaler(world.device.type, enabled=settings.precision == "fp16")
    return Run(trainee, mean, made, scaler), world.shared(trainee)


def _numbers(step: int, settings: TrainingSettings, world: World) -> Iterator[int]:
    """Numbers of this process's batches from this step on."""
    for number in range(step * settings.accumulate, settings.steps * settings.accumulate):
        yield number * world.size + world.rank


def _step(
    run: Run,
    shared: nn.Module,
    stream: Iterator[tuple[Tensor, Tensor]],
    settings: TrainingSettings,
    world: World,
    rate: float,
    frozen: list[str],
    folder: Path,
) -> Stepped:
    """One update of the weights by the batches of one step."""
    shared.train()
    initial_weights.hold(run.trainee.network, frozen)
    for kind in run.optimiser.param_groups:
        kind["lr"] = rate
    run.optimiser.zero_grad(set_to_none=True)
    loss, used, pictures = 0.0, 0, 0
    for last in chain(repeat(False, settings.accumulate - 1), [True]):
        crops, labels = next(stream)
        crops = crops.to(world.device, memory_format=torch.channels_last, non_blocking=True)
        labels = labels.to(world.device, non_blocking=True)
        with nullcontext() if last else world.alone(shared):
            value, count, spread = shared(crops, labels, run.step, world.autocast(settings.precision))
            _refuse_no_number(float(value.detach()), run.step + 1, folder, "loss")
            run.scaler.scale(value / settings.accumulate).backward()
        loss, used, pictures = loss + float(value.detach()) / settings.accumulate, used + count, pictures + len(labels)
        run.still = run.still + 1 if spread < COLLAPSED else 0
    run.scaler.unscale_(run.optimiser)
    length = nn.utils.clip_grad_norm_(run.trainee.parameters(), LONGEST_SLOPE)
    if not run.scaler.is_enabled():  # a scaler meets slopes that are too large by design, and leaves the step out
        _refuse_no_number(float(length), run.step + 1, folder, "slope of the loss")
    run.scaler.step(run.optimiser)
    run.scaler.update()
    return Stepped(run.step + 1, settings.steps, loss, rate, used, pictures * world.size)


def _refuse_no_number(value: float, step: int, folder: Path, what: str) -> None:
    if math.isfinite(value):
        return
    kept = "no checkpoint was kept before it"
    if checkpoints.exists(folder):
        kept = f"the last good checkpoint is that of step {checkpoints.load(folder)['step']} in '{folder}'"
    raise TrainingError(
        f"the {what} of step {step} is {value}, no number: {kept}; lower the learning rate, or look for broken pictures"
    )


def _follow(mean: nn.Module, network: nn.Module, keep: float, step: int) -> None:
    """The mean of the weights after a step: it keeps little at first, when the weights are still far from good."""
    keep = min(keep, (1 + step) / (10 + step)) if keep else 0.0
    with torch.no_grad():
        for old, new in zip(mean.parameters(), network.parameters(), strict=True):
            old.lerp_(new.detach(), 1 - keep)
        for old, new in zip(mean.buffers(), network.buffers(), strict=True):
            old.copy_(new)


def _watch(run: Run, tell: Tell) -> None:
    if run.trainee.loss.kind in TRIPLETS and run.still == COLLAPSED_FOR:
        tell(
            Notice(
                f"the triplets have collapsed: for {COLLAPSED_FOR} steps all faces of a batch have lain at one point. "
                "Start again with a lower --rate, more people in a batch, or first with --loss softmax"
            )
        )


def _judge(
    run: Run,
    exam: Exam,
    settings: TrainingSettings,
    normalisation: Normalisation,
    folder: Path,
    world: World,
    logs: Logs,
    tell: Tell,
) -> None:
    """Hold the mean of the weights to people it has not seen, and keep it where it is the best so far."""
    if world.first:
        found = _verdict(run.mean, exam.examples, exam.pairs, settings, normalisation, world)
        also = None if exam.also is None else _verdict(run.mean, *exam.also, settings, normalisation, world)
        best = (found.val, found.auc) > run.best
        if best:
            checkpoints.keep_weights(folder, run.mean.state_dict(), run.step)
        tell(Judged(run.step, found, best, also))
        run.history.append({"step": run.step, **{k: float(v) for k, v in asdict(found).items()}})
        if also is not None:
            run.history[-1].update({f"listed_{k}": float(v) for k, v in asdict(also).items()})
        if best:
            run.best, run.best_step, run.stale = (found.val, found.auc), run.step, 0
        else:
            run.stale += 1
        logs.add(run.step, held_out__auc=found.auc, held_out__val=found.val, held_out__accuracy=found.accuracy)
    run.stale = world.agreed(run.stale)


def _verdict(
    network: nn.Module,
    examples: Examples,
    pairs: Pairs,
    settings: TrainingSettings,
    normalisation: Normalisation,
    world: World,
) -> Verdict:
    vectors = embedded(network, examples, normalisation, unit=settings.unit_length, device=world.device)
    return validation.verdict(pairs, pairs.apart(vectors), settings.far)


def embedded(
    network: nn.Module, examples: Examples, normalisation: Normalisation, *, unit: bool, device: torch.device
) -> Floats:
    """(n, D) vectors of all examples, as the model will give them."""
    network.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(examples), JUDGED_AT_ONCE):
            rows = np.arange(start, min(start + JUDGED_AT_ONCE, len(examples)))
            pictures = torch.from_numpy(normalise(examples.crops(rows), normalisation)).to(device)
            found.append(network(pictures).float().cpu().numpy())
    vectors = np.concatenate(found)
    return unit_length(vectors) if unit else vectors

"""The whole pipeline: photos to vectors of all their faces, the same work on both sides."""

from __future__ import annotations

from collections.abc import Callable

from results import Result
from session import Session, cores
from worker import Answer, Worker, alternate, disturbed

TITLE = "Whole pipeline: photos to vectors"
LFW = 300
TOGETHER = 16  # LFW's pictures have one size, so facenet-pytorch can take several at once
GOALS = {"photos": 4.0, "lfw": 3.0}
Side = Callable[[], Answer]


def measure(session: Session) -> Result:
    result = Result(TITLE)
    sets = {"photos": session.photos(), "lfw": session.lfw(LFW)}
    for peer, model in (("facenet-pytorch", "facenet-vggface2"), ("face_recognition", "dlib-resnet")):
        ours = session.ours()
        theirs = session.facenet_pytorch(network=True) if peer == "facenet-pytorch" else session.face_recognition()
        about = theirs.ask("about").result
        result.versions |= {**ours.ask("about").result["versions"], **about["versions"]}
        for name, pictures in sets.items():
            _warm(ours, theirs, model, pictures[:8])
            _beside(result, session, name, pictures, model, peer, (ours, theirs), about.get("shim_memory", 0.0))
        session.close()
    result.notes += [
        "threads: nitakao and face_recognition as they come; facenet-pytorch at the count that suits it best, tried on "
        "the first eight pictures; 'at once' ran after the others, 'processes' too, and one round only",
        "'CPU s' is the CPU time of one round over all cores",
        "memory: resident after the last round and the peak within rounds, networks included; "
        "facenet-pytorch's without what its stand-in for torchvision takes",
        "networks are loaded before the timing on both sides; reading and decoding files is timed",
    ]
    return result


def _warm(ours: Worker, theirs: Worker, model: str, pictures: list[str]) -> None:
    for smallest in (20, None):
        ours.ask("pipeline", pictures=pictures, model=model, smallest=smallest, retry=smallest is None)
    theirs.ask("pipeline", pictures=pictures)
    if theirs.name == "facenet_pytorch":
        tried: dict[int, float] = {}
        for count in sorted({1, cores()}):
            theirs.ask("threads", count=count)
            tried[count] = theirs.ask("pipeline", pictures=pictures).seconds
        best = min(tried, key=lambda count: tried[count])
        theirs.ask("threads", count=best)
        print(f"  facenet-pytorch is given the thread count that suits it best: {best} ({tried})", flush=True)


def _beside(
    result: Result,
    session: Session,
    name: str,
    pictures: list[str],
    model: str,
    peer: str,
    workers: tuple[Worker, Worker],
    shim: float,
) -> None:
    ours, theirs = workers
    print(f"  {model} beside {peer} on {name}: {len(pictures)} pictures", flush=True)
    sides: dict[str, Side] = {
        "nitakao, 20 px": lambda: ours.ask("pipeline", pictures=pictures, model=model, smallest=20, retry=False),
        peer: lambda: theirs.ask("pipeline", pictures=pictures),
        "nitakao, everyday default": lambda: ours.ask(
            "pipeline", pictures=pictures, model=model, smallest=None, retry=True
        ),
    }
    measured = alternate(sides, len(pictures), session.rounds)
    more: dict[str, Side] = {}
    if peer == "face_recognition":
        more["face_recognition, 2 processes"] = lambda: theirs.ask("pipeline", pictures=pictures, processes=2)
    elif name == "lfw":
        theirs.ask("pipeline", pictures=pictures[: 4 * TOGETHER], batch=TOGETHER)  # the first batches run slower
        more[f"facenet-pytorch, {TOGETHER} at once"] = lambda: theirs.ask("pipeline", pictures=pictures, batch=TOGETHER)
    measured |= alternate(more, len(pictures), 1 if peer == "face_recognition" else session.rounds)
    result.disturb(disturbed(measured))
    best = max(
        (side for side in measured if side.startswith("facenet-pytorch")), key=lambda s: measured[s].rate, default=peer
    )
    rows = []
    for side, rounds in measured.items():
        own = 0.0 if side.startswith("nitakao") else shim
        beside = rounds.rate / measured[best].rate
        shown = ["several processes"] * 2 if "processes" in side else [rounds.resident - own, rounds.peak - own]
        processor = None if "processes" in side else sorted(rounds.processor)[len(rounds.processor) // 2]
        rows.append(
            [side, rounds.rate, f"{beside:.2f}", rounds.result["faces"], rounds.result["failed"], processor, *shown]
        )
    header = ["side", "pictures/s", f"x {best}", "faces", "failed", "CPU s", "resident MB", "peak MB"]
    result.table(f"{model} on {name} ({len(pictures)}), medians of {session.rounds} rounds in turn", header, rows)
    result.raw[f"{model}, {name}"] = {side: r.seconds for side, r in measured.items()}
    ratio = measured["nitakao, 20 px"].rate / measured[best].rate
    result.timed(f"{model}, 20 px, {name}: {GOALS[name]:g} x {best}", f"{ratio:.2f} x", ratio >= GOALS[name])
    if "face_recognition, 2 processes" in measured:
        ratio = measured["nitakao, 20 px"].rate / measured["face_recognition, 2 processes"].rate
        result.timed(f"{model}, 20 px, {name}, compared with face_recognition in 2 processes", f"{ratio:.2f} x", None)
    if name == "photos":  # the everyday default is not the same work, since facenet-pytorch detects faces from 20 px
        ratio = measured["nitakao, everyday default"].rate / measured[best].rate
        result.timed(f"{model}, everyday default, photos: 10 x {best}", f"{ratio:.2f} x", ratio >= 10)

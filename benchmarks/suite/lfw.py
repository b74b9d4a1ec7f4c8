"""LFW folds 1-5 end to end, compared with dlib's own pipeline, with and without flip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from accuracy import Pairs, Score, read_pairs, score
from results import Result
from session import Session, cores
from worker import Worker

TITLE = "LFW, folds 1-5, end to end"
QUICK_PAIRS = 40
PUBLISHED = "dlib publishes 99.38% on all ten folds, from 100 jittered chips per face of the original pictures"
EARLIER = "measured on these pictures earlier: 98.57%, with flip 98.93%"
THEIRS, THEIRS_MIRRORED = 0.9857, 0.9893


def measure(session: Session) -> Result:
    pairs = protocol(session)
    pictures = pairs.pictures
    result = Result(TITLE)
    scores: dict[str, Score] = {}
    for model in ("facenet-vggface2", "dlib-resnet"):
        ours = session.ours()
        result.versions |= ours.ask("about").result["versions"]
        print(f"  {model}: {len(pictures)} pictures", flush=True)
        for flip, vectors in ((False, _plain(session, ours, model, pictures)), (True, _flipped(session, ours, model))):
            scores[f"{model}{', with flip' if flip else ''}"] = score(pairs, dict(zip(pictures, vectors, strict=True)))
        session.close()
    if session.ours_only:
        result.notes.append(f"dlib's own pipeline was left out; {EARLIER}")
    else:
        versions, both = _dlib(session, pictures)
        result.versions |= versions
        ways = (("dlib's own pipeline", both[:, 0]), ("dlib's own pipeline, with flip", both.mean(axis=1)))
        for name, vectors in ways:
            scores[name] = score(pairs, dict(zip(pictures, vectors, strict=True)))
    _tell(result, scores, len(pictures))
    return result


def protocol(session: Session) -> Pairs:
    data = session.shared / "data" / "lfw"
    pairs = read_pairs(data / "pairs.txt", data / "images")
    if not session.quick:
        return pairs
    each = np.concatenate(
        [np.arange(QUICK_PAIRS // 4) + start for start in (0, 300, 600, 900)]
    )  # two folds, both kinds
    return Pairs([pairs.first[i] for i in each], [pairs.second[i] for i in each], pairs.same[each], pairs.fold[each])


def files(session: Session, model: str) -> Path:
    return session.cache / f"lfw-{model}{'-quick' if session.quick else ''}"


def _plain(session: Session, ours: Worker, model: str, pictures: list[str]) -> Any:
    out = files(session, model)
    answer = ours.ask("central", pictures=pictures, model=model, smallest=20, out=str(out))
    print(f"  {answer.result['found']} faces, {len(pictures) / answer.seconds:.1f} pictures/s", flush=True)
    return np.load(f"{out}-vectors.npy")


def _flipped(session: Session, ours: Worker, model: str) -> Any:
    """The same crops, averaged with their mirror images by the embedder's option."""
    out = files(session, model)
    ours.ask("load", model=model, threads=cores(), flip=True)
    ours.ask("prepare", crops=f"{out}-crops.npy")
    ours.ask("embed", batch=32, out=f"{out}-flipped.npy")
    vectors = np.load(f"{out}-flipped.npy")
    vectors[~np.isfinite(np.load(f"{out}-vectors.npy")).all(axis=1)] = np.nan  # an empty crop's vector means nothing
    return vectors


def _dlib(session: Session, pictures: list[str]) -> tuple[dict[str, str], Any]:
    """Versions, and (n, 2, 128) plain and mirrored vectors. Takes ten minutes, and is cached between runs."""
    peer = session.face_recognition()
    versions = peer.ask("about").result["versions"]
    file = session.cache / f"lfw-dlib-{versions['dlib-bin']}{'-quick' if session.quick else ''}.npy"
    if session.fresh or not file.exists() or len(np.load(file)) != len(pictures):
        print(f"  dlib's own pipeline: {len(pictures)} pictures on {cores()} processes", flush=True)
        part = file.with_suffix(".part.npy")
        peer.ask("lfw", pictures=pictures, out=str(part), processes=cores())
        part.replace(file)
    else:
        print("  dlib's own pipeline: vectors kept from an earlier run (--fresh measures them again)", flush=True)
    return versions, np.load(file)


def _tell(result: Result, scores: dict[str, Score], pictures: int) -> None:
    rows = [
        [name, f"{100 * s.accuracy:.2f} +- {100 * s.spread:.2f}", f"{100 * s.val:.1f}", f"{s.threshold:.4f}", s.missing]
        for name, s in scores.items()
    ]
    header = ["pipeline", "accuracy, %", "VAL at FAR 1e-3, %", "best threshold", "pictures without a face"]
    result.table(f"{pictures} pictures; the threshold of each fold is from the other four.", header, rows)
    result.raw = {name: vars(s) for name, s in scores.items()}
    face, ours, mirrored = (scores[n] for n in ("facenet-vggface2", "dlib-resnet", "dlib-resnet, with flip"))
    own = "dlib's own pipeline"
    theirs, their_mirrored = THEIRS, THEIRS_MIRRORED
    if own in scores:
        theirs, their_mirrored = scores[own].accuracy, scores[f"{own}, with flip"].accuracy
    result.goal("facenet-vggface2: 99.4%", _percent(face), face.accuracy >= 0.994)
    mirrored_face = scores["facenet-vggface2, with flip"]
    result.goal("facenet-vggface2, with flip: 99.4%", _percent(mirrored_face), mirrored_face.accuracy >= 0.994)
    result.goal(f"dlib-resnet: dlib's own {100 * theirs:.2f}%", _percent(ours), ours.accuracy >= theirs)
    result.goal(
        f"dlib-resnet, with flip: dlib's own {100 * their_mirrored:.2f}%",
        _percent(mirrored),
        mirrored.accuracy >= their_mirrored,
    )
    result.goal("dlib-resnet: 99.1% (target)", _percent(max(ours, mirrored, key=lambda s: s.accuracy)), None)
    result.notes += [PUBLISHED, "on both sides, pairs with a picture without a face count as two people"]


def _percent(of: Score) -> str:
    return f"{100 * of.accuracy:.2f}%"

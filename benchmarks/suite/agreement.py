"""MTCNN compared with facenet-pytorch's at equal settings: 20 px, 0.6/0.7/0.7, 0.709, no retry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from overlap import Match, matches
from results import Result
from session import Session

TITLE = "Agreement with facenet-pytorch's MTCNN"
LFW = 1000
SURE = 0.9  # facenet-pytorch's score from which a face counts
FOUND = 0.5  # IoU from which a face counts as found
WANTED = ((20.0, 40.0, 0.85), (40.0, float("inf"), 0.95))  # px of face width, IoU


def measure(session: Session) -> Result:
    ours, theirs = session.ours(), session.facenet_pytorch(network=False)
    result = Result(TITLE, versions={**ours.ask("about").result["versions"], **theirs.ask("about").result["versions"]})
    rows = []
    for name, pictures in (("photos", session.photos()), ("lfw", session.lfw(LFW))):
        files = [str(session.cache / f"faces-{side}-{name}.json") for side in ("ours", "theirs")]
        print(f"  {name}: {len(pictures)} pictures, ours", flush=True)
        ours.ask("detect", pictures=pictures, out=files[0], smallest=20, retry=False)
        print(f"  {name}: theirs", flush=True)
        theirs.ask("detect", pictures=pictures, out=files[1])
        own, other = (json.loads(Path(f).read_text(encoding="utf-8")) for f in files)
        wanted = [m for m in matches(other, own) if m.score >= SURE]
        rows.append(_judge(result, f"{name} ({len(pictures)})", wanted))
        surplus = [m for m in matches(own, other) if m.score >= SURE and m.iou < FOUND]
        result.raw[name] = {"faces": len(wanted), "only ours": [[m.picture.split("/")[-1], m.width] for m in surplus]}
        result.notes.append(f"{name}: {len(surplus)} faces with score >= {SURE} that only ours has")
        result.notes += [f"{name}: {_told(m)}" for m in wanted if m.iou < _limit(m)][:12]
    result.table(
        f"Of their faces with score >= {SURE}: found means IoU >= {FOUND}; within means the IoU wanted for its size.",
        [
            "pictures",
            "faces",
            "found",
            "within",
            "IoU 20-40 px: least, p1",
            "IoU 40 px up: least, p1",
            "landmarks / width: median, p99",
        ],
        rows,
    )
    return result


def _judge(result: Result, name: str, wanted: Sequence[Match]) -> list[object]:
    found = [m for m in wanted if m.iou >= FOUND]
    within = [m for m in wanted if m.iou >= _limit(m)]
    share = len(found) / max(len(wanted), 1)
    result.goal(f"{name}: at least 99% found", f"{100 * share:.2f}%", share >= 0.99)
    ranges = []
    for low, high, limit in WANTED:
        ious = [m.iou for m in found if low <= m.width < high]
        ranges.append(f"{min(ious):.3f}, {np.quantile(ious, 0.01):.3f} ({len(ious)})" if ious else "none")
        if ious:
            good = float(np.mean(np.array(ious) >= limit))
            span = f"{low:g}-{high:g} px" if np.isfinite(high) else f"{low:g} px up"
            goal = f"{name}: IoU >= {limit} for {span}, for 99% of those found"
            result.goal(goal, f"{100 * good:.2f}% of them", good >= 0.99)
    far = np.array([d for m in found for d in m.landmarks] or [np.nan])
    median, high = float(np.median(far)), float(np.quantile(far, 0.99))
    result.goal(
        f"{name}: landmarks, median <= 1%, p99 <= 3%",
        f"{100 * median:.3f}%, {100 * high:.3f}%",
        median <= 0.01 and high <= 0.03,
    )
    return [name, len(wanted), len(found), len(within), *ranges, f"{100 * median:.3f}%, {100 * high:.3f}%"]


def _limit(match: Match) -> float:
    return next((limit for low, high, limit in WANTED if low <= match.width < high), FOUND)


def _told(match: Match) -> str:
    picture = match.picture.split("/")[-1]
    return f"{picture}: a face of {match.width:.0f} px, score {match.score:.3f}: IoU {match.iou:.3f}"

"""Faces that the everyday default (smallest face relative to the photo) misses, compared with a 20-px run."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from overlap import BUCKETS, SHARES, bucket, matches, names
from results import Result
from session import Session

TITLE = "Recall of the everyday default compared with a 20-px run, by face size"
SURE, FOUND = 0.9, 0.5


def measure(session: Session) -> Result:
    ours = session.ours()
    result = Result(TITLE, versions=ours.ask("about").result["versions"])
    for name, pictures in (("photos", session.photos()), ("lfw", session.lfw(300))):
        files = [str(session.cache / f"faces-{kind}-{name}.json") for kind in ("article", "everyday")]
        for smallest, file in zip((20, None), files, strict=True):
            ours.ask("detect", pictures=pictures, out=file, smallest=smallest, retry=False)
        all_faces, everyday = (json.loads(Path(f).read_text(encoding="utf-8")) for f in files)
        short = {p: _shorter_side(p) for p in pictures}
        wanted = [m for m in matches(all_faces, everyday) if m.score >= SURE]
        for what, edges, labels, size in (
            ("face width", BUCKETS, names(BUCKETS, " px"), lambda m: m.width),
            ("face width / shorter side", SHARES, names(SHARES, "%", 100), lambda m, s=short: m.width / s[m.picture]),
        ):
            rows = []
            for at, label in enumerate(labels):
                inside = [m for m in wanted if bucket(size(m), edges) == at]
                kept = sum(m.iou >= FOUND for m in inside)
                if inside:
                    rows.append([label, len(inside), kept, f"{100 * kept / len(inside):.1f}%"])
            kept = sum(m.iou >= FOUND for m in wanted)
            rows.append(["all", len(wanted), kept, f"{100 * kept / max(len(wanted), 1):.1f}%"])
            result.table(
                f"{name}, faces with score >= {SURE} by {what}", [what, "20-px run", "everyday default", "recall"], rows
            )
            result.raw[f"{name}, {what}"] = rows
    return result


def _shorter_side(picture: str) -> int:
    return min(cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_COLOR).shape[:2])  # upright either way

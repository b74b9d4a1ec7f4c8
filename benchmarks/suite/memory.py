"""Resident memory over many photos."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys

import environments
from results import Result
from session import Session

TITLE = "Resident memory over 5,000 photos"
COUNT, STEP = 5000, 500
FLAT = 0.05


def measure(session: Session) -> Result:
    count, step = (200, 50) if session.quick else (COUNT, STEP)
    folder = session.cache / "memory"
    shutil.rmtree(folder, ignore_errors=True)
    print(f"  creating {count} photos", flush=True)
    try:
        subprocess.run(
            [sys.executable, str(environments.HERE / "sample_images.py"), str(folder), str(count)], check=True
        )
        ours = session.ours()
        pictures = sorted(str(p) for p in folder.iterdir())
        samples = ours.ask("soak", pictures=pictures, model="dlib-resnet", step=step).result
        versions = ours.ask("about").result["versions"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = Result(TITLE, versions=versions, raw={"samples": samples})
    rows = [[s["done"], s["median"], s["resident"], s["peak"], s["faces"]] for s in samples]
    header = [
        "photos done",
        "resident MB, median of the step",
        "resident MB at the end",
        "peak MB",
        "faces so far",
    ]
    result.table(
        "One run over photos that all differ, 180 px to 12 megapixels, everyday default, dlib-resnet.",
        header,
        rows,
    )
    later = [s["median"] for s in samples[1:]]  # the steps after the first 500
    for what, base, values in (
        ("median of a step", samples[1]["median"], later),
        ("peak of a step", samples[1]["peak"], [s["peak"] for s in samples[1:]]),
        ("at the end of a step", samples[0]["resident"], [s["resident"] for s in samples]),
    ):
        grown = max(values) / base - 1
        held = what != "peak of a step"  # a peak is that of one 12-megapixel photo
        result.goal(f"{what}: within 5% of the first", f"{100 * grown:+.1f}% at most", grown <= FLAT if held else None)
    trend = statistics.linear_regression(range(len(later)), later).slope * 2 if len(later) > 1 else 0.0
    result.notes.append(f"linear fit of the medians: {trend:+.2f} MB per 1,000 photos")
    return result

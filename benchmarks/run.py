"""Compare nitakao with other libraries: `python benchmarks/run.py [NAME...]` measures and rewrites RESULTS.md.

Needs Python 3.11 or newer (for wheels of the pinned versions) and NITAKAO_SHARED. Starts with the standard library
alone, creates nitakao's environment and continues in it, and creates the environment of each library when needed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback
from pathlib import Path

import environments

NAMES = {  # in the order of running; each is a module in suite/ with TITLE and measure(session)
    "shim": "the replacement of torchvision's NMS is fair to facenet-pytorch",
    "article": "the distance of the article's two pictures",
    "agreement": "MTCNN compared with facenet-pytorch's",
    "recall": "faces that the everyday default misses, by size",
    "pipeline": "photos to vectors per second, compared with facenet-pytorch and face_recognition",
    "embedding": "embedding networks alone, compared with PyTorch, ONNX Runtime, OpenVINO and dlib",
    "lfw": "LFW folds 1-5 end to end, compared with dlib's own pipeline",
    "precision": "8-bit integers: speed and LFW accuracy (after lfw, whose crops it uses)",
    "memory": "resident memory from 500 to 5,000 photos",
}
INSIDE = "NITAKAO_BENCHMARKS_INSIDE"  # set once run.py runs in our environment


def main() -> int:
    choice = arguments()
    if choice.list:
        print("\n".join(f"{name:10} {purpose}" for name, purpose in NAMES.items()))
        return 0
    if sys.version_info < (3, 11) and not choice.python:
        print("benchmarks need Python 3.11 or newer: the pins have no wheels for older ones", file=sys.stderr)
        return 2
    shared = os.environ.get("NITAKAO_SHARED", "")  # empty would mean the current folder
    if not shared or not (Path(shared) / "data" / "photos").is_dir():
        print("benchmarks need NITAKAO_SHARED: the folder with data/photos, data/lfw and models", file=sys.stderr)
        return 2
    python = choice.python or str(environments.ready("nitakao"))
    if INSIDE not in os.environ:
        os.environ[INSIDE] = python
        command = [python, str(Path(__file__).resolve()), *sys.argv[1:]]
        sys.stdout.flush()
        os.execv(python, command)
    return measure(choice)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which benchmarks: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and exit")
    parser.add_argument("--resume", action="store_true", help="skip benchmarks with results of this commit")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds of timings, of which medians are taken (default 3)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few pictures and one round, to check that it runs; writes no results"
    )
    parser.add_argument("--fresh", action="store_true", help="also recompute what is the same each time (dlib on LFW)")
    parser.add_argument(
        "--ours", action="store_true", help="skip a side that takes ten minutes and is not timed (dlib on LFW)"
    )
    parser.add_argument("--python", help="an interpreter with nitakao, in place of its own environment")
    choice = parser.parse_args()
    for name in choice.names:
        if name not in NAMES:
            parser.error(f"no benchmark '{name}': choose among {', '.join(NAMES)}")
    return choice


def measure(choice: argparse.Namespace) -> int:
    from results import Store
    from session import Session

    session = Session(
        rounds=1 if choice.quick else choice.rounds, quick=choice.quick, fresh=choice.fresh, ours_only=choice.ours
    )
    store = Store(session.cache / "quick" if choice.quick else environments.HERE / "results")
    import cpu_load

    if (busy := cpu_load.now()) > cpu_load.QUIET:
        print(f"other processes use {100 * busy:.0f}% of the CPU now: timings do not count while they run")
    failed = []
    for name in [n for n in NAMES if n in (choice.names or NAMES)]:
        if choice.resume and store.has(name):
            print(f"\n== {name}: measured at this commit already")
            continue
        print(f"\n== {name}: {NAMES[name]}", flush=True)
        started = time.perf_counter()
        try:
            result = importlib.import_module(f"suite.{name}").measure(session)
        except Exception:  # one failing benchmark must not lose the results of the others
            traceback.print_exc()
            failed.append(name)
            continue
        finally:
            session.close()
        store.keep(name, result, time.perf_counter() - started)
        print(result.text(), flush=True)
    if choice.quick:
        print(f"\nquick: no figures kept; failed: {', '.join(failed) or 'none'}")
    else:
        store.write_markdown(environments.HERE / "RESULTS.md", list(NAMES))
        print(f"\nwritten: RESULTS.md and results/*.json; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Nitakao beside its peers: `python benchmarks/run.py [NAME...]` measures and rewrites RESULTS.md.

Needs Python 3.11 or newer (the pins' wheels) and NITAKAO_SHARED. Starts with the standard library alone: makes our own
environment, goes on inside it, and makes each peer's environment when its benchmark comes up.
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

NAMES = {  # in the order of running; each is a module in marks/ with TITLE and measure(setting)
    "shim": "the stand-in for torchvision's NMS is fair to facenet-pytorch",
    "article": "the distance of the article's two pictures",
    "agreement": "our MTCNN against facenet-pytorch's",
    "recall": "what the everyday default misses, by face size",
    "pipeline": "photographs to vectors, per second, beside facenet-pytorch and face_recognition",
    "embedding": "networks alone, beside PyTorch, ONNX Runtime, OpenVINO and dlib",
    "lfw": "LFW folds 1-5 end to end, beside dlib's own pipeline",
    "precision": "8-bit integers: speed and LFW both ways (after lfw, whose crops it uses)",
    "memory": "resident memory from 500 to 5,000 photographs",
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
    parser.add_argument("--list", action="store_true", help="show the benchmarks and leave")
    parser.add_argument("--resume", action="store_true", help="leave out what this commit has results of already")
    parser.add_argument(
        "--rounds", type=int, default=3, help="pairs of rounds in timings; medians are taken (default 3)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few pictures, one round: does it run? Writes no results"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="also measure again what is the same each time (dlib's LFW)"
    )
    parser.add_argument(
        "--ours", action="store_true", help="leave out a peer that takes ten minutes and is no timing (dlib's LFW)"
    )
    parser.add_argument("--python", help="an interpreter that has nitakao, in place of our own environment")
    choice = parser.parse_args()
    for name in choice.names:
        if name not in NAMES:
            parser.error(f"no benchmark '{name}': choose among {', '.join(NAMES)}")
    return choice


def measure(choice: argparse.Namespace) -> int:
    from results import Store
    from setting import Setting

    setting = Setting(
        rounds=1 if choice.quick else choice.rounds, quick=choice.quick, fresh=choice.fresh, ours_only=choice.ours
    )
    store = Store(setting.cache / "quick" if choice.quick else environments.HERE / "results")
    import load

    if (busy := load.now()) > load.QUIET:
        print(f"others take {100 * busy:.0f}% of the processor now: timings will not count until they are done")
    failed = []
    for name in [n for n in NAMES if n in (choice.names or NAMES)]:
        if choice.resume and store.has(name):
            print(f"\n== {name}: measured at this commit already")
            continue
        print(f"\n== {name}: {NAMES[name]}", flush=True)
        started = time.perf_counter()
        try:
            result = importlib.import_module(f"marks.{name}").measure(setting)
        except Exception:  # one benchmark that breaks must not cost the others their results
            traceback.print_exc()
            failed.append(name)
            continue
        finally:
            setting.close()
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

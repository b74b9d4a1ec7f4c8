"""Sample pictures for a first run, made from two portraits that installed packages ship, both in the public domain.

    python examples/samples.py out/samples

scikit-image's astronaut (Eileen Collins, NASA) and matplotlib's Grace Hopper (US Navy), each as it is and turned,
scaled, mirrored, grey and tilted; and a picture without a face, to see what becomes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageOps

ORIENTATION = 0x0112  # the EXIF tag that says how the camera was held

PORTRAITS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}
FACELESS = ("skimage", "data/rocket.jpg")

VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "": lambda picture: picture,
    "-mirrored": ImageOps.mirror,
    "-grey": lambda picture: picture.convert("L"),
    "-half": lambda picture: picture.reduce(2),
    "-tilted": lambda picture: picture.rotate(20, Image.Resampling.BICUBIC),
    "-turned": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),  # and nothing in the file says so
}


def shipped(package: str, inside: str) -> Image.Image:
    """A picture that lies in an installed package, as RGB."""
    found = find_spec(package)
    folders = list(found.submodule_search_locations or []) if found else []
    for path in (Path(folder) / inside for folder in folders):
        if path.is_file():
            return Image.open(path).convert("RGB")
    raise SystemExit(f"{package} with its {inside} is not installed: pip install matplotlib scikit-image")


def make(folder: Path) -> list[Path]:
    """Writes the sample pictures into `folder` and gives back their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, (package, inside) in PORTRAITS.items():
        portrait = shipped(package, inside)
        for ending, change in VARIANTS.items():
            made.append(folder / f"{name}{ending}.jpg")
            change(portrait).save(made[-1], quality=92)
    made += [held_sideways(shipped(*PORTRAITS["astronaut"]), folder / "宇宙飛行士.jpg")]
    made += [folder / "rocket.jpg"]
    shipped(*FACELESS).save(made[-1], quality=92)
    return made


def held_sideways(portrait: Image.Image, path: Path) -> Path:
    """The portrait as a camera held sideways writes it: turned pixels, and an EXIF note that says so."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turn clockwise by 90 degrees to see it upright
    portrait.transpose(Image.Transpose.ROTATE_90).save(path, quality=92, exif=exif)
    return path


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "samples")
    print(f"{len(make(target))} sample pictures in {target}")

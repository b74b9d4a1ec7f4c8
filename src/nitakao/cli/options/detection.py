"""Options of detection: which detector, which faces of a photograph, and the device that runs the networks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from nitakao.models.onnx.session import Device
    from nitakao.pipeline import PipelineOptions
    from nitakao.values import DetectorSettings

Command = TypeVar("Command", bound=Callable[..., Any])

# Spelled out, since importing them from nitakao.values would load NumPy for --help; a test compares them.
DETECTORS = ("mtcnn", "yunet", "none")
CHOICES = ("all", "largest", "central", "best", "first")
DEVICES = ("cpu", "cuda")


class Thresholds(click.ParamType):  # type: ignore[type-arg]  # generic in newer click only
    name = "T,T,T"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            first, second, third = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not three numbers separated by commas, like 0.6,0.7,0.7", parameter, context)
        return first, second, third


def detector_options(command: Command) -> Command:
    """Add the options that `detector_settings` takes."""
    for option in reversed(_DETECTOR_OPTIONS):
        command = option(command)
    return command


detector_option = click.option(
    "--detector", type=click.Choice(DETECTORS), help="The face detector (mtcnn); none: each photo is one face."
)


_DETECTOR_OPTIONS = (
    detector_option,
    click.option(
        "--smallest-face",
        type=float,
        metavar="PX",
        help="Smallest face to detect, in pixels (1/50 of the shorter side of the photo, at least 20).",
    ),
    click.option(
        "--thresholds", type=Thresholds(), help="MTCNN: score thresholds of the three networks (0.6,0.7,0.7)."
    ),
    click.option("--factor", type=float, help="MTCNN: scale factor of the image pyramid (0.709)."),
    click.option(
        "--article",
        is_flag=True,
        help="Use the article's settings: MTCNN, smallest face 20 px, no retry, first face.",
    ),
    click.option("--no-retry", is_flag=True, help="If no face is found, do not retry with a padded and rotated photo."),
    click.option("--allow-url", "allow_urls", is_flag=True, help="Accept http and https URLs as photos."),
)


def detector_settings(
    detector: str | None,
    smallest_face: float | None,
    thresholds: tuple[float, float, float] | None,
    factor: float | None,
    article: bool,
    no_retry: bool,
) -> DetectorSettings:
    """Build the detector's settings; explicit options take precedence over --article."""
    from nitakao.values import ARTICLE_SMALLEST_FACE, DetectorSettings

    default = DetectorSettings()
    if article and smallest_face is None:
        smallest_face = ARTICLE_SMALLEST_FACE
    return DetectorSettings(
        name=detector or default.name,  # type: ignore[arg-type]  # one of the option's words
        smallest_face=smallest_face,
        thresholds=thresholds or default.thresholds,
        factor=default.factor if factor is None else factor,
        retry=not (article or no_retry),
    )


def faces_option(text: str) -> Callable[[Command], Command]:
    return click.option("--faces", type=click.Choice(CHOICES), help=text)


def device_options(command: Command) -> Command:
    command = click.option(
        "--gpu-memory-fraction",
        "--gpu_memory_fraction",
        type=float,
        metavar="SHARE",
        help="Share of GPU memory to use with --device cuda, 0 to 1.",
    )(command)
    return click.option("--device", type=click.Choice(DEVICES), help="The device that runs the networks (cpu).")(
        command
    )


def device_of(device: str | None, gpu_memory_fraction: float | None) -> Device:
    from nitakao.models.onnx.session import Device

    return Device(device or "cpu", memory_fraction=gpu_memory_fraction)


def pipeline_options(
    *,
    faces: str | None,
    device: str | None,
    gpu_memory_fraction: float | None,
    allow_urls: bool,
    article: bool,
    flip: bool = False,
    batch_size: int = 32,
    **detector: Any,
) -> PipelineOptions:
    from nitakao.pipeline import PipelineOptions

    return PipelineOptions(
        detector=detector_settings(article=article, **detector),
        faces=faces or ("first" if article else None),  # type: ignore[arg-type]  # one of the option's words
        # Only where asked for: it loads ONNX Runtime, which searching for a face of the gallery does without.
        device=device_of(device, gpu_memory_fraction) if device or gpu_memory_fraction else None,
        flip=flip,
        batch_size=batch_size,
        allow_urls=allow_urls,
    )


def standard_input(photos: tuple[str, ...]) -> Any:
    """Standard input's bytes if '-' is among the photos."""
    return sys.stdin.buffer if "-" in photos else None

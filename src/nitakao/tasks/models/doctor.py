"""Check the installation: packages, devices, weights, and a self-check of the default model."""

from __future__ import annotations

import importlib.util
import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from nitakao.errors import NitakaoError
from nitakao.models import golden
from nitakao.models.cards import registry
from nitakao.models.onnx import session
from nitakao.models.onnx.session import Device
from nitakao.models.weights import files as weights_files
from nitakao.system import dirs
from nitakao.system.cpu import cores
from nitakao.values import Check, WeightsFile


def examine(device: Device | None = None) -> list[Check]:
    """Run every check, without downloads; a failed check does not stop the others."""
    device = device or Device()
    return [*_installed(), *_pictures(), *_devices(device), *_folders(), *_weights(), _self_check(device)]


def _installed() -> Iterator[Check]:
    yield Check("python", True, f"{platform.python_version()} on {platform.platform()}, {cores()} cores")
    for package in ("nitakao", "numpy", "onnx", "pillow", "pyarrow"):
        yield _version(package)
    yield Check("onnxruntime", True, session.version())  # the GPU package has another name, so it is asked itself
    yield _opencv()


def _version(package: str) -> Check:
    try:
        return Check(package, True, metadata.version(package))
    except metadata.PackageNotFoundError:
        return Check(package, False, f"not installed: pip install {package}")


def _opencv() -> Check:
    try:
        import cv2
    except ImportError as error:  # also where a system library of the other, windowed OpenCV is missing
        return Check("opencv", False, f"cannot be loaded ({error}): pip install opencv-python-headless")
    return Check("opencv", True, cv2.__version__)


def _pictures() -> Iterator[Check]:
    from PIL import features

    for name, feature in (("jpeg", "jpg"), ("webp", "webp"), ("tiff", "libtiff"), ("avif", "avif")):
        there = bool(features.check(feature))
        yield Check(
            name, there, "read" if there else "not in this Pillow: pip install --upgrade pillow", name == "jpeg"
        )
    yield _extra("heic", "pillow_heif")
    yield _extra("tensorflow", "tensorflow")


def _extra(name: str, module: str) -> Check:
    there = importlib.util.find_spec(module) is not None
    return Check(name, there, "installed" if there else f'not installed: pip install "nitakao[{name}]"', needed=False)


def _devices(device: Device) -> Iterator[Check]:
    providers = [p.removesuffix("ExecutionProvider") for p in session.available()]
    yield Check("device", True, f"{device.name} is used; ONNX Runtime offers {', '.join(providers)}")
    if device.name == "cuda":
        there = "CUDA" in providers
        yield Check(
            "cuda", there, "offered" if there else "missing: pip install onnxruntime-gpu in place of onnxruntime"
        )


def _folders() -> Iterator[Check]:
    yield Check("models folder", True, str(dirs.models()))
    for folder in dirs.extra_models():
        yield Check("NITAKAO_MODELS", folder.is_dir(), str(folder) if folder.is_dir() else f"{folder}: no such folder")
    cache = dirs.cache()
    there = _writable(cache)
    yield Check("cache", there, f"{cache}" if there else f"{cache} cannot be written: set NITAKAO_CACHE", needed=False)
    yield Check("fetching", True, "forbidden by NITAKAO_OFFLINE" if weights_files.offline() else "allowed, over https")


def _writable(folder: Path) -> bool:
    """Whether the folder, or its nearest existing parent, is writable."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _weights() -> Iterator[Check]:
    yield _held("mtcnn", registry.MTCNN_WEIGHTS, needed=True)
    yield _held("yunet", _yunet(), needed=False)
    own, problems = registry.user_cards()
    for card in (*registry.cards(), *own):
        yield _held(card.name, card.files, needed=card.name == registry.DEFAULT)
    for problem in problems:
        yield Check("card", False, problem, needed=False)


def _yunet() -> tuple[WeightsFile, ...]:
    from nitakao.models.detection import yunet

    return (yunet.WEIGHTS,)


def _held(name: str, files: tuple[WeightsFile, ...], *, needed: bool) -> Check:
    held = [weights_files.inspect(f) for f in files]
    problem = next((h.problem for h in held if h.problem), "")
    where = ", ".join(sorted({str(h.path.parent) for h in held if h.path}))
    return Check(name, not problem, problem or where, needed)


def _self_check(device: Device) -> Check:
    """Run the default model on a generated picture, and compare with the reference implementation's vector."""
    from nitakao.models import embedder

    card = registry.card(registry.DEFAULT)
    try:
        found = golden.check(embedder.load(card, device=device), card)
    except NitakaoError as error:
        return Check("self-check", False, str(error))
    return Check("self-check", found.ok, f"{card.name} on {device.name}: {found.detail}")

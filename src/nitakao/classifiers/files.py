"""Saves and loads classifiers in skops' format, restricted to numbers, text and three estimators."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nitakao.classifiers.fitting import METHODS, Classifier
from nitakao.errors import FormatError, MissingExtraError, NitakaoError
from nitakao.system import atomic_write
from nitakao.values import Floats

KIND = "nitakao classifier 1"
LARGEST = 4 * 1024**3  # bytes; 50,000 people of 512 numbers come to 0.2 GiB
SCHEMA, LARGEST_SCHEMA = "schema.json", 64 * 1024**2  # bytes
# What skops may build: what our own files hold, by module, class and the loader that makes it.
ESTIMATORS = {
    "logistic": ("sklearn.linear_model._logistic", "LogisticRegression"),
    "svm": ("sklearn.svm._classes", "LinearSVC"),
    "nearest": ("sklearn.neighbors._classification", "KNeighborsClassifier"),
}
ALLOWED = {
    ("builtins", "dict", "DictNode"),
    ("builtins", "list", "ListNode"),
    ("builtins", "str", "JsonNode"),
    ("builtins", "str", "TypeNode"),
    ("numpy", "ndarray", "NdArrayNode"),
    *((module, name, "ObjectNode") for module, name in ESTIMATORS.values()),
}
FIELDS = {"model": str, "fingerprint": str, "flip": bool, "threshold": float, "refused": float, "faces": int}


def save(classifier: Classifier, path: str | os.PathLike[str]) -> None:
    """Write the classifier atomically. It contains the names of its people and numbers learnt from their faces."""
    skops = _skops()
    kept: dict[str, Any] = {"kind": KIND, "method": classifier.method, "people": list(classifier.people)}
    kept |= {field: getattr(classifier, field) for field in FIELDS}
    kept |= {"mean": classifier.mean, "scale": classifier.scale, "estimator": classifier.estimator}
    target = Path(path)
    try:
        atomic_write.write_atomic(target, skops.dumps(kept), durable=True)
    except OSError as error:
        raise NitakaoError(f"the classifier '{target}' cannot be written: {error.strerror or error}") from error


def load(path: str | os.PathLike[str]) -> Classifier:
    """The classifier that `save` wrote. Raises FormatError for any other file, before anything in it is built."""
    data = _bytes(Path(path))
    _look(data, path)
    skops = _skops()
    try:
        return _classifier(skops.loads(data, trusted=[]))
    except MemoryError:
        raise FormatError(f"'{path}' asks for more memory than there is: nitakao wrote no such classifier") from None
    except Exception as error:  # skops, NumPy and scikit-learn each refuse what they cannot use in their own ways
        raise FormatError(f"'{path}' is a classifier that is damaged, or is none ({str(error)[:200]})") from error


def _bytes(path: Path) -> bytes:
    """The file, read once, so that the checked bytes are the loaded ones."""
    try:
        if path.stat().st_size > LARGEST:
            raise FormatError(f"'{path}' is no classifier that nitakao wrote: it is too large")
        return path.read_bytes()
    except OSError as error:
        raise NitakaoError(f"the classifier '{path}' cannot be read: {error.strerror or error}") from error


def _skops() -> Any:
    try:
        import skops.io
    except ImportError:
        raise MissingExtraError("keeping a classifier in a file", "learn") from None
    return skops.io


def _look(data: bytes, path: str | os.PathLike[str]) -> None:
    """Raises FormatError if the file contains, or would load, anything that ours do not."""
    strange = f"'{path}' is no classifier that nitakao wrote"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if any(
                m.compress_type != zipfile.ZIP_STORED for m in members
            ):  # then nothing unpacks to more than is there
                raise FormatError(f"{strange}: it is packed")
            if archive.getinfo(SCHEMA).file_size > LARGEST_SCHEMA:
                raise FormatError(f"{strange}: its description is too large")
            described = json.loads(archive.read(SCHEMA))
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RecursionError, RuntimeError) as error:
        raise FormatError(f"'{path}' is no classifier, or is damaged ({str(error)[:200]})") from error
    for found in _asked_for(described):
        if found not in ALLOWED:
            asked = f"{str(found[0])[:80]}.{str(found[1])[:80]}"
            raise FormatError(f"{strange}: it asks for {asked}, and nothing of it was run")


def _asked_for(described: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Module, class and loader of everything that a description wants built."""
    waiting = [described]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__loader__" in node or "__class__" in node:
                yield node.get("__module__"), node.get("__class__"), node.get("__loader__")
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _classifier(kept: Any) -> Classifier:
    """Raises ValueError or TypeError where a part is missing or does not fit the others."""
    if not isinstance(kept, dict) or kept.get("kind") != KIND or kept.get("method") not in METHODS:
        raise ValueError("not of the kind that this nitakao writes")
    fields: dict[str, Any] = {field: kept.get(field) for field in FIELDS}
    people: Any = kept.get("people")
    if not all(type(fields[field]) is kind for field, kind in FIELDS.items()) or not _words(people):
        raise ValueError("its fields are not those of a classifier")
    mean, scale, method = np.asarray(kept["mean"]), float(kept["scale"]), kept["method"]
    if mean.dtype != np.float32 or mean.ndim != 1 or not np.isfinite(mean).all() or not 0 < scale < math.inf:
        raise ValueError("its preparation is no vector of numbers")
    if not math.isfinite(fields["threshold"]):
        raise ValueError("its threshold is no number")
    estimator = kept["estimator"]
    if (type(estimator).__module__, type(estimator).__name__) != ESTIMATORS[method]:
        raise ValueError(f"its estimator is not that of the method {method}")
    found = Classifier(method=method, people=tuple(people), mean=mean, scale=scale, estimator=estimator, **fields)
    _try(found, mean)
    return found


def _words(people: Any) -> bool:
    return isinstance(people, list) and len(people) > 1 and all(type(name) is str for name in people)


def _try(classifier: Classifier, mean: Floats) -> None:
    """Check with one prediction that estimator, mean and people match."""
    classes = classifier.estimator.classes_
    if not np.array_equal(classes, np.arange(len(classifier.people))):
        raise ValueError("its estimator knows other people than it names")
    _, scores = classifier.guess(mean[None])
    if not np.isfinite(scores).all():
        raise ValueError("its numbers are not finite")

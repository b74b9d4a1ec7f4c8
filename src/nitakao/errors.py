"""Everything that nitakao refuses, as one family.

    NitakaoError                    exit code 1
    ├── MisuseError                 exit code 2: the call itself is off
    ├── PhotoError                  one photograph cannot be used; a run goes on without it
    │   ├── UnreadablePhotoError    not a picture, truncated, or of an unknown kind
    │   ├── PhotoTooLargeError      over the limit on bytes or pixels
    │   └── NoFaceError             nothing found where one face was needed
    ├── GeometryError               points or boxes that no transform can use
    ├── CardError                   a model card that does not hold together
    ├── ModelError                  no such model, or a network that does not fit its card
    ├── WeightsError                weights missing, damaged, or not to be had offline
    ├── FormatError                 a foreign file (.dat .pt .pkl .pb ...) that is damaged or asks for too much
    ├── VectorsError                a vectors file that cannot be read, written or matched
    ├── GalleryError                a gallery that is not one, of another model or a newer nitakao, damaged, or full
    │   ├── GalleryBusyError        another process is writing; says which
    │   ├── GalleryChangedError     another process changed the gallery's model; open it again
    │   └── GalleryDamagedError     bytes in it are not those that were written
    ├── TrainingError               a training that cannot start, or cannot go on
    ├── DeviceError                 a device that was asked for and is not there
    ├── FaceApiError                refused as Microsoft's Face API does: with a status and a code
    └── MissingExtraError           an optional dependency is needed; names the pip line

A message says what happened, with the value, and then what to do next.
"""

from __future__ import annotations


class NitakaoError(Exception):
    """The root: catch this to catch all that nitakao raises on purpose.

    Args:
        message: What happened, then what to do next.
        code: A stable word for this error, more exact than its class; empty if the class says enough.
        values: What the message names, such as `person=12`, for programs that word it themselves.
    """

    def __init__(self, message: str = "", *, code: str = "", **values: str | int | float | None) -> None:
        super().__init__(message)
        self.code, self.values = code, values


class MisuseError(NitakaoError):
    """The call itself is off: an option, an argument, a combination."""


class PhotoError(NitakaoError):
    """One photograph cannot be used. A run counts it, names it and goes on."""


class UnreadablePhotoError(PhotoError):
    """Not a picture, truncated, or of a kind that is not read."""


class PhotoTooLargeError(PhotoError):
    """Over the limit on bytes or pixels: refused before it is decoded."""


class NoFaceError(PhotoError):
    """Nothing found where one face was needed."""


class GeometryError(NitakaoError):
    """Points or boxes that no transform can use."""


class CardError(NitakaoError):
    """A model card that does not hold together."""


class ModelError(NitakaoError):
    """No such model, or a network that does not fit its card."""


class WeightsError(NitakaoError):
    """Weights missing, damaged, or not to be had offline."""


class FormatError(NitakaoError):
    """A foreign file that is damaged or asks for more than it may."""


class VectorsError(NitakaoError):
    """A vectors file that cannot be read, written or matched."""


class GalleryError(NitakaoError):
    """A gallery that is not one, belongs to another model or a newer nitakao, is damaged, or has no room."""


class GalleryBusyError(GalleryError):
    """Another process is writing to the gallery, and went on longer than was waited for."""


class GalleryChangedError(GalleryError):
    """Another process changed the gallery's model after it was opened."""


class GalleryDamagedError(GalleryError):
    """Bytes in the gallery are not those that were written."""


class TrainingError(NitakaoError):
    """A training that cannot start or go on: its examples, its checkpoint, its loss, or its disk."""


class DeviceError(NitakaoError):
    """A device that was asked for and is not there."""


class FaceApiError(NitakaoError):
    """What Microsoft's Face API refuses, in its own terms.

    status: HTTP's.  code: the word that its clients know, 'PersonGroupNotFound'.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class MissingExtraError(NitakaoError):
    """An optional dependency is needed; the message names the pip line."""

    def __init__(self, purpose: str, extra: str, more: str = "") -> None:
        super().__init__(f'{purpose} needs an extra: pip install "nitakao[{extra}]"{more}')
        self.extra = extra

"""The errors that nitakao raises.

    NitakaoError                    exit code 1
    ├── MisuseError                 exit code 2: invalid arguments
    ├── PhotoError                  one photograph cannot be used; a run skips it
    │   ├── UnreadablePhotoError    not an image, truncated, or of an unsupported format
    │   ├── PhotoTooLargeError      above the limit on bytes or pixels
    │   └── NoFaceError             no face where one is needed
    ├── GeometryError               points or boxes that give no valid transform
    ├── CardError                   invalid model card
    ├── ModelError                  unknown model, or a network that does not match its card
    ├── WeightsError                weights missing, damaged, or not available offline
    ├── FormatError                 a foreign file (.dat .pt .pkl .pb ...) that is damaged or too large
    ├── VectorsError                a vectors file that cannot be read, written or matched
    ├── GalleryError                not a gallery, another model's, of a newer nitakao, damaged, or full
    │   ├── GalleryBusyError        another process is writing; names it
    │   ├── GalleryChangedError     another process changed the gallery's model; open it again
    │   └── GalleryDamagedError     the gallery's data is damaged
    ├── TrainingError               training cannot start or continue
    ├── DeviceError                 the requested device is not available
    ├── FaceApiError                an error of the Face API, with a status and a code
    └── MissingExtraError           an optional dependency is missing; gives the pip command

A message says what happened, with the value, and then what to do next.
"""

from __future__ import annotations


class NitakaoError(Exception):
    """Base class of all errors that nitakao raises on purpose.

    Args:
        message: What happened, then what to do next.
        code: A stable word for this error, more exact than its class; empty if the class says enough.
        values: What the message names, such as `person=12`, for programs that word it themselves.
    """

    def __init__(self, message: str = "", *, code: str = "", **values: str | int | float | None) -> None:
        super().__init__(message)
        self.code, self.values = code, values


class MisuseError(NitakaoError):
    """Invalid arguments."""


class PhotoError(NitakaoError):
    """One photograph cannot be used. A run reports and skips it."""


class UnreadablePhotoError(PhotoError):
    """Not an image, truncated, or of an unsupported format."""


class PhotoTooLargeError(PhotoError):
    """Above the limit on bytes or pixels; rejected before decoding."""


class NoFaceError(PhotoError):
    """No face where one is needed."""


class GeometryError(NitakaoError):
    """Points or boxes that give no valid transform."""


class CardError(NitakaoError):
    """Invalid model card."""


class ModelError(NitakaoError):
    """Unknown model, or a network that does not match its card."""


class WeightsError(NitakaoError):
    """Weights missing, damaged, or not available offline."""


class FormatError(NitakaoError):
    """A foreign file that is damaged, or that exceeds its limits."""


class VectorsError(NitakaoError):
    """A vectors file that cannot be read, written or matched."""


class GalleryError(NitakaoError):
    """Not a gallery, another model's, of a newer nitakao, damaged, or full."""


class GalleryBusyError(GalleryError):
    """Another process kept writing to the gallery for longer than the timeout."""


class GalleryChangedError(GalleryError):
    """Another process changed the gallery's model after it was opened."""


class GalleryDamagedError(GalleryError):
    """The gallery's data is damaged."""


class TrainingError(NitakaoError):
    """Training cannot start or continue: examples, checkpoint, loss, or disk."""


class DeviceError(NitakaoError):
    """The requested device is not available."""


class FaceApiError(NitakaoError):
    """An error of the Face API.

    Attributes:
        status: HTTP status.
        code: The code that clients know, such as 'PersonGroupNotFound'.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class MissingExtraError(NitakaoError):
    """An optional dependency is missing; the message gives the pip command."""

    def __init__(self, purpose: str, extra: str, more: str = "") -> None:
        super().__init__(f'{purpose} needs an extra: pip install "nitakao[{extra}]"{more}')
        self.extra = extra

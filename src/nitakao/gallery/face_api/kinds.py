"""The kinds of containers that Microsoft's Face API has, and how much each may hold."""

from __future__ import annotations

from dataclasses import dataclass

from nitakao.errors import FaceApiError


@dataclass(frozen=True)
class Kind:
    """One kind of container.

    path: as in the address.  title: as in the codes of errors.  most: containers of the kind.  faces: that one of them
    holds; people: likewise.  trained: whether faces answer only once the container was trained.
    Limits are those of Azure's S0 tier: learn.microsoft.com, 'Azure AI Face quotas and limits'.
    """

    path: str
    title: str
    most: int
    faces: int = 0
    people: int = 0
    trained: bool = True

    @property
    def key(self) -> str:
        """What its name is called in JSON: 'personGroupId'."""
        return f"{self.title[0].lower()}{self.title[1:]}Id"

    def missing(self, word: str) -> FaceApiError:
        """The error where there is no container of this name."""
        return FaceApiError(404, f"{self.title}NotFound", f"{self.title} '{word}' is not found.")

    def not_trained(self, word: str, status: int) -> FaceApiError:
        """The error where it has to be trained first."""
        return FaceApiError(status, f"{self.title}NotTrained", f"{self.title} '{word}' has not been trained yet.")


FACE_LIST = Kind("facelists", "FaceList", most=64, faces=1_000, trained=False)
LARGE_FACE_LIST = Kind("largefacelists", "LargeFaceList", most=1_000_000, faces=1_000_000)
PERSON_GROUP = Kind("persongroups", "PersonGroup", most=1_000_000, people=10_000)
LARGE_PERSON_GROUP = Kind("largepersongroups", "LargePersonGroup", most=1_000_000, people=1_000_000)
DYNAMIC = Kind("dynamicpersongroups", "DynamicPersonGroup", most=1_000_000, trained=False)

FACES_EACH = 248  # of one person
DIRECTORY = 75_000_000  # persons


def full(what: str, most: int) -> FaceApiError:
    """The error where there is no room for one more."""
    return FaceApiError(403, "QuotaExceeded", f"{what} holds {most} at most.")

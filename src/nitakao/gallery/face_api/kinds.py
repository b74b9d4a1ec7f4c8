"""The Face API's kinds of containers and their limits."""

from __future__ import annotations

from dataclasses import dataclass

from nitakao.errors import FaceApiError


@dataclass(frozen=True)
class Kind:
    """One kind of container.

    Attributes:
        path: Its part of URLs.
        title: Its part of error codes.
        limit: Limit of containers of this kind.
        faces: Limit of faces in one container.
        people: Limit of people in one container.
        trained: Whether faces are searchable only after training.

    Source: Azure's S0 tier; learn.microsoft.com, 'Azure AI Face quotas and limits'.
    """

    path: str
    title: str
    limit: int
    faces: int = 0
    people: int = 0
    trained: bool = True

    @property
    def key(self) -> str:
        """Its id's name in JSON, as in 'personGroupId'."""
        return f"{self.title[0].lower()}{self.title[1:]}Id"

    def missing(self, container_id: str) -> FaceApiError:
        """The error for an unknown container."""
        return FaceApiError(404, f"{self.title}NotFound", f"{self.title} '{container_id}' is not found.")

    def not_trained(self, container_id: str, status: int) -> FaceApiError:
        """The error for a container that must be trained first."""
        return FaceApiError(
            status, f"{self.title}NotTrained", f"{self.title} '{container_id}' has not been trained yet."
        )


FACE_LIST = Kind("facelists", "FaceList", limit=64, faces=1_000, trained=False)
LARGE_FACE_LIST = Kind("largefacelists", "LargeFaceList", limit=1_000_000, faces=1_000_000)
PERSON_GROUP = Kind("persongroups", "PersonGroup", limit=1_000_000, people=10_000)
LARGE_PERSON_GROUP = Kind("largepersongroups", "LargePersonGroup", limit=1_000_000, people=1_000_000)
DYNAMIC = Kind("dynamicpersongroups", "DynamicPersonGroup", limit=1_000_000, trained=False)

MAX_FACES_PER_PERSON = 248  # per person
DIRECTORY = 75_000_000  # people


def quota_exceeded(owner: str, limit: int) -> FaceApiError:
    """The error for a reached limit."""
    return FaceApiError(403, "QuotaExceeded", f"{owner} holds {limit} at most.")

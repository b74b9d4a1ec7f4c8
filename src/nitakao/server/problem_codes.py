"""Every `code` of a problem document: the HTTP statuses it comes with, what it means, and its `values`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nitakao import errors
from nitakao.errors import NitakaoError


@dataclass(frozen=True)
class Code:
    """One kind of problem.

    Attributes:
        statuses: The HTTP statuses it comes with.
        meaning: One sentence for the documentation.
        values: The names in the document's `values`.
    """

    statuses: tuple[int, ...]
    meaning: str
    values: tuple[str, ...] = ()


def _code(*statuses: int, meaning: str, values: str = "") -> Code:
    return Code(statuses, meaning, tuple(values.split()))


CODES: dict[str, Code] = {
    # who may call
    "key-required": _code(401, meaning="No access key was sent, or it is unknown or revoked."),
    "role-too-low": _code(403, meaning="The key's role does not allow this.", values="needed role"),
    "unknown-host": _code(403, meaning="The Host header is not a name of this server (see --allow-host)."),
    "foreign-origin": _code(403, meaning="A page of another site sent a change."),
    # what the request names
    "unknown-person": _code(400, 404, meaning="No such person.", values="name"),
    "unknown-face": _code(400, 404, meaning="No such face.", values="face"),
    "unknown-photo": _code(400, 404, meaning="No such photograph.", values="photo"),
    "unknown-entry": _code(400, meaning="The journal has no such entry.", values="entry"),
    "unknown-job": _code(404, meaning="No such job.", values="job"),
    "unknown-model": _code(400, 404, meaning="No such model.", values="model"),
    "unknown-route": _code(404, meaning="No such path."),
    "method-not-allowed": _code(405, meaning="The path does not accept this method."),
    "no-chip": _code(404, meaning="The gallery has no picture of this face.", values="face"),
    "no-map": _code(404, meaning="No face map has been made yet."),
    "photo-is-video": _code(404, meaning="The file is a video; only its faces are stored.", values="photo"),
    "photo-file-missing": _code(404, meaning="The file was moved, deleted or replaced.", values="photo"),
    # pictures and probes
    "picture-required": _code(400, meaning="The request needs a picture.", values="pictures"),
    "invalid-form": _code(400, meaning="The multipart form cannot be read."),
    "content-type": _code(415, meaning="The body's content type is not accepted."),
    "unreadable-photo": _code(422, meaning="The picture cannot be decoded."),
    "photo-too-large": _code(413, meaning="The picture has more pixels or bytes than the limit."),
    "no-face": _code(422, meaning="No face was found in the picture.", values="picture"),
    "no-such-face": _code(400, meaning="The picture has fewer faces.", values="picture number faces"),
    "probe-required": _code(400, meaning="The request needs a probe: a picture, or probe=."),
    "side-required": _code(400, meaning="One side of a comparison needs exactly one picture or name.", values="side"),
    "side-not-a-picture": _code(400, meaning="A face number was given for a side without a picture.", values="side"),
    "invalid-probe": _code(400, meaning="A probe is face:12, person:Ada or #12.", values="probe"),
    "person-without-faces": _code(400, meaning="The person has no faces to search with.", values="name"),
    "same-face": _code(400, meaning="Both sides are the same face."),
    "one-face-each": _code(400, meaning="faces=all does not fit here: choose one face of each picture."),
    "conflicting-limits": _code(400, meaning="max_distance and same_person exclude each other."),
    "no-threshold": _code(400, meaning="The model has no threshold, and none was given.", values="model"),
    "invalid-cursor": _code(400, meaning="`after` is not the `next` of an earlier answer."),
    # changes of people
    "name-empty": _code(400, meaning="A name needs at least one letter."),
    "name-too-long": _code(400, meaning="The name is too long.", values="limit"),
    "name-is-number": _code(400, meaning="The name would be read as a person's number.", values="name"),
    "name-invalid": _code(400, meaning="The name has characters that no text has."),
    "name-taken": _code(409, meaning="Another person has this name.", values="name person"),
    "merge-same-person": _code(400, meaning="Merging needs two different people."),
    "merge-names-differ": _code(
        400, meaning="People with different names need a target with a name.", values="first second"
    ),
    "nothing-to-undo": _code(400, meaning="The journal has nothing to undo."),
    "already-undone": _code(400, meaning="The entry is already undone.", values="entry"),
    "undo-blocked": _code(409, meaning="Later changes depend on the entry: undo `first` first.", values="entry first"),
    "undo-conflict": _code(409, meaning="The gallery no longer matches the entry.", values="entry"),
    "review-closed": _code(400, meaning="The face is not to be reviewed for this person.", values="face"),
    "forget-one": _code(400, meaning="Name one person, photograph or face to delete."),
    "confirmation-mismatch": _code(400, meaning="`confirm` is not the person's name or number.", values="person"),
    # jobs
    "path-not-absolute": _code(400, meaning="Paths on the server's machine must be absolute.", values="path"),
    "path-missing": _code(400, meaning="The path does not exist on the server's machine.", values="path"),
    "folder-unreadable": _code(400, meaning="The folder cannot be read.", values="folder"),
    "folder-empty": _code(400, meaning="The folder has no pictures or videos.", values="folder"),
    "face-api-in-use": _code(409, meaning="Faces stored by the Face API cannot change model.", values="faces"),
    "same-model": _code(409, meaning="The gallery already uses this model.", values="model"),
    "server-stopped": _code(503, meaning="The server stopped before the job was done."),
    # limits
    "request-timeout": _code(408, meaning="The request took too long to arrive.", values="seconds"),
    "body-too-large": _code(413, meaning="The body is larger than the limit.", values="limit"),
    "too-many-requests": _code(429, meaning="Too many requests at once: retry after Retry-After seconds."),
    "too-many-jobs": _code(429, meaning="Too many jobs are waiting."),
    "too-many-streams": _code(429, meaning="Too many event streams are open."),
    "answer-timeout": _code(503, meaning="The answer took too long.", values="seconds"),
    "starting": _code(503, meaning="The server is still loading networks and the search index."),
    "gallery-busy": _code(503, meaning="Another process is writing to the gallery."),
    # everything else
    "invalid-parameters": _code(422, meaning="Parameters are missing or out of bounds.", values="parameters"),
    "invalid-arguments": _code(400, meaning="Parameters do not fit together; `detail` says which."),
    "invalid-request": _code(400, meaning="The request is not valid HTTP for this route."),
    "gallery-error": _code(409, meaning="The gallery refuses this; `detail` says why."),
    "gallery-damaged": _code(500, meaning="The gallery is damaged: run 'nitakao gallery repair'."),
    "missing-extra": _code(501, meaning="An optional package is not installed.", values="extra"),
    "model-unavailable": _code(503, meaning="The model's files are missing or cannot be loaded."),
    "unavailable": _code(503, meaning="nitakao cannot do this right now; `detail` says why."),
    "internal-error": _code(500, meaning="A bug in nitakao; the server's log says where."),
}

# The status and code of each family of errors; the first that fits. An error's own code takes precedence.
FAMILIES: tuple[tuple[type[NitakaoError], int, str], ...] = (
    (errors.PhotoTooLargeError, 413, "photo-too-large"),
    (errors.NoFaceError, 422, "no-face"),
    (errors.PhotoError, 422, "unreadable-photo"),
    (errors.GeometryError, 422, "unreadable-photo"),
    (errors.MisuseError, 400, "invalid-arguments"),
    (errors.GalleryBusyError, 503, "gallery-busy"),
    (errors.GalleryDamagedError, 500, "gallery-damaged"),
    (errors.GalleryError, 409, "gallery-error"),
    (errors.MissingExtraError, 501, "missing-extra"),
    (errors.VectorsError, 400, "invalid-arguments"),
    (errors.WeightsError, 503, "model-unavailable"),
    (errors.ModelError, 503, "model-unavailable"),
    (errors.CardError, 503, "model-unavailable"),
    (errors.DeviceError, 503, "model-unavailable"),
    (errors.NitakaoError, 503, "unavailable"),
)


def status_and_code(error: NitakaoError) -> tuple[int, str]:
    """The status and the code that an error is answered with."""
    status, code = next((status, code) for family, status, code in FAMILIES if isinstance(error, family))
    return status, error.code if error.code in CODES else code


def described() -> dict[str, Any]:
    """The table for the OpenAPI document: an enum of the codes, with what each means."""
    table = "\n".join(
        f"- `{name}` ({', '.join(map(str, code.statuses))}): {code.meaning}"
        + (f" Values: {', '.join(code.values)}." if code.values else "")
        for name, code in CODES.items()
    )
    return {"type": "string", "enum": list(CODES), "description": f"A stable word for the problem.\n\n{table}"}

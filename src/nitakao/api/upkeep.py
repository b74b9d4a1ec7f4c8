"""Exports and maintains a gallery."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nitakao.api.base import GalleryBase
from nitakao.values import FaceFilter

if TYPE_CHECKING:  # these load SQLAlchemy, ONNX Runtime and OpenCV: not before there is work
    from nitakao.gallery.forget.forget import Receipt
    from nitakao.gallery.maintenance.backup import Backup
    from nitakao.gallery.maintenance.compact import Compacted
    from nitakao.gallery.maintenance.info import GalleryInfo
    from nitakao.gallery.maintenance.repair import Repaired
    from nitakao.tasks.gallery.calibrate import CalibrationResult
    from nitakao.tasks.gallery.export import ExportCounts
    from nitakao.tasks.gallery.person_folders import PersonPhoto
    from nitakao.tasks.gallery.reindex import ReindexResult
    from nitakao.tasks.gallery.xmp_sidecars import SideCar
    from nitakao.values import Check, ModelCard
    from nitakao.vectors import KeyKind


class Upkeep(GalleryBase):
    """Methods of `Gallery` that export and maintain it."""

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        where: FaceFilter | None = None,
        key: KeyKind | None = None,
    ) -> ExportCounts:
        """Write embeddings, boxes and names to a file.

        Args:
            path: The file, .npz, .parquet, .csv, .jsonl or .pkl.
            where: Only some faces; see `filter`. None: all, also of hidden people.
            key: Whether the key of a vector is the photograph's path or its base name.
        """
        from nitakao.tasks.gallery.export import export

        return export(self.store, path, where=where or FaceFilter(hidden=True), key=key)

    def export_xmp(
        self, *, where: FaceFilter | None = None, dry_run: bool = False, without_ending: bool = False
    ) -> list[SideCar]:
        """Write the names of faces to XMP side-cars beside the photographs.

        Args:
            where: Only some faces; see `filter`.
            dry_run: Only report what would be written.
            without_ending: Name them 'photo.xmp' instead of 'photo.jpg.xmp'.
        """
        from nitakao.tasks.gallery.xmp_sidecars import export_xmp

        return list(export_xmp(self.store, where=where, dry_run=dry_run, without_ending=without_ending))

    def export_folders(
        self, folder: str | os.PathLike[str], *, link: bool = False, min_faces: int = 2
    ) -> list[PersonPhoto]:
        """Copy the photographs of each person to a folder of their name.

        Args:
            folder: Where to create the folders.
            link: Create symbolic links instead of copies.
            min_faces: Skip people with fewer faces.
        """
        from nitakao.tasks.gallery.person_folders import copy_to_folders

        return list(copy_to_folders(self.store, Path(folder), link=link, least=min_faces))

    def forget(
        self,
        *,
        person: str | int | None = None,
        photo: str | int | None = None,
        face: int | None = None,
        tombstone: bool = False,
    ) -> Receipt:
        """Delete a person, a photograph or a face for good. This cannot be undone.

        Args:
            person: Name or '#12'. Deletes the person's faces; their photographs stay.
            photo: Path, sha256 or number. Deletes the photograph with all its faces.
            face: Number of a face.
            tombstone: Never index these photographs again.

        Returns:
            A receipt of what was deleted.
        """
        from nitakao.tasks.gallery.forget import forget

        return forget(self.store, person=person, photo=photo, face=face, tombstone=tombstone)

    def reindex(
        self,
        model: str | ModelCard,
        *,
        from_photographs: bool = False,
        flip: bool | None = None,
        progress: Callable[[ReindexResult], None] = lambda done: None,
    ) -> ReindexResult:
        """Recompute all vectors with another model. People and names stay.

        Args:
            model: Name, path or card of the new model.
            from_photographs: Crop from the photographs where possible, instead of from the chips.
            flip: Average each embedding with that of the mirrored crop. None keeps the gallery's setting.
            progress: Called after each batch.
        """
        from nitakao.tasks.gallery.reindex import reindex

        return reindex(self.store, model, from_photographs=from_photographs, flip=flip, watch=progress)

    def calibrate(self, *, grouped: bool = False) -> CalibrationResult:
        """Fit probabilities to the named people of this gallery.

        Args:
            grouped: Also use faces that clustering assigned, not only those assigned by hand.
        """
        from nitakao.tasks.gallery.calibrate import calibrate

        return calibrate(self.store, grouped=grouped)

    def reset_calibration(self) -> bool:
        """Use the model's calibration again. Returns whether the gallery had its own."""
        from nitakao.tasks.gallery.calibrate import reset

        return reset(self.store)

    def info(self) -> GalleryInfo:
        """The gallery's model, size and counts."""
        from nitakao.tasks.gallery.maintenance import info

        return info(self.store)[0]

    def check(self) -> list[Check]:
        """Check the gallery for damage; changes nothing."""
        from nitakao.tasks.gallery.maintenance import check

        return list(check(self.store))

    def backup(self, path: str | os.PathLike[str]) -> Backup:
        """Copy the gallery to a new SQLite file, while others may go on writing."""
        from nitakao.tasks.gallery.maintenance import backup

        return backup(self.store, path)

    def compact(self) -> Compacted:
        """Return unused space to the file system."""
        from nitakao.tasks.gallery.maintenance import compact

        return compact(self.store)

    def repair(self) -> Repaired:
        """Save what can be saved of a damaged SQLite gallery in a new file that replaces it; the old one is kept."""
        from nitakao.tasks.gallery.maintenance import repair

        self._close_store()
        return repair(self._location)

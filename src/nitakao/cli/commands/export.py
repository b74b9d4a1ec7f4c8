"""nitakao export and nitakao import: faces and names to and from other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.gallery.matching import ImportSummary
    from nitakao.tasks.gallery.xmp_sidecars import SideCar
    from nitakao.values import FaceFilter

JSON = options.JSON


@click.command("export", epilog=options.example("nitakao export faces.parquet"))
@click.argument("out", required=False, metavar="FILE", type=click.Path(path_type=Path))
@options.gallery_option
@click.option("--xmp", is_flag=True, help="Write names to XMP side-cars beside the photos, instead of a FILE.")
@click.option("--dry-run", is_flag=True, help="With --xmp: write nothing, list what would be written.")
@click.option("--without-ending", is_flag=True, help="With --xmp: photo.xmp instead of photo.jpg.xmp.")
@click.option("--folder", default="", metavar="DIR", help="Only photos in this folder.")
@click.option("--named", is_flag=True, help="Only faces of people with a name.")
@click.option(
    "--key",
    type=click.Choice(["path", "name"]),
    help="Key of each vector: the photo's path or base name (path; in a .pkl: name).",
)
@JSON
@options.with_voice
def export(
    voice: Voice,
    out: Path | None,
    gallery: str | None,
    xmp: bool,
    dry_run: bool,
    without_ending: bool,
    folder: str,
    named: bool,
    key: str | None,
    as_json: bool,
) -> None:
    """Write faces and names to a file, or to XMP side-cars.

    The suffix of FILE selects the format: .parquet, .csv, .npz and .jsonl hold vectors, boxes and names; .pkl is the
    article's {base name: vector}. docs/formats.md describes them. With --xmp, names are written to 'photo.jpg.xmp'
    beside each photo.jpg as face regions, which digiKam and others show; other content of the file is kept.
    """
    if xmp == (out is not None):
        raise click.UsageError("give the FILE to write, or --xmp")
    if (dry_run or without_ending) and not xmp:
        raise click.UsageError("--dry-run and --without-ending require --xmp")
    from nitakao.values import FaceFilter

    where = FaceFilter(folder=str(Path(folder).absolute()) if folder else "", named=named or xmp, hidden=not xmp)
    if out is None:
        _side_cars(voice, gallery, where, dry_run, without_ending, as_json)
    else:
        _vectors(voice, gallery, out, where, key, as_json)


def _vectors(voice: Voice, gallery: str | None, out: Path, where: FaceFilter, key: str | None, as_json: bool) -> None:
    from nitakao.tasks.gallery import export as task

    with voice.progress("photos") as steps:
        counts = task.export(gallery, out, where=where, key=key, watch=lambda _: steps.step())  # type: ignore[arg-type]
    if as_json:
        output.json_line({"output": str(counts.saved), "faces": counts.faces, "photos": counts.photos})
        return
    click.echo(f"{plural(counts.faces, 'face')} of {plural(counts.photos, 'photo')} in '{counts.saved}'")


def _side_cars(
    voice: Voice, gallery: str | None, where: FaceFilter, dry_run: bool, without_ending: bool, as_json: bool
) -> None:
    from nitakao.tasks.gallery import xmp_sidecars as task

    counts = {"written": 0, "unchanged": 0, "problem": 0}
    with voice.progress("photos") as steps:
        for one in task.export_xmp(gallery, where=where, dry_run=dry_run, without_ending=without_ending):
            steps.step()
            counts[one.status] += 1
            _report(voice, one, dry_run, as_json)
    if not as_json:
        done = "would be written" if dry_run else "written"
        click.echo(f"{plural(counts['written'], 'side-car')} {done}, {counts['unchanged']} unchanged")
    if counts["problem"] and not counts["written"] and not counts["unchanged"]:
        raise SystemExit(1)


def _report(voice: Voice, one: SideCar, dry_run: bool, as_json: bool) -> None:
    if as_json:
        output.json_line({"file": one.path, "status": one.status, "names": list(one.names), "problem": one.problem})
    elif dry_run and one.status == "written":
        click.echo(f"{one.path}: {', '.join(one.names)}")
    if one.problem:
        voice.warn(one.problem)


@click.command("import", epilog=options.example("nitakao import faces.parquet"))
@click.argument("named", nargs=-1, metavar="FILE...", shell_complete=options.complete_files)
@options.gallery_option
@options.model_option("The model of the vectors, if FILE does not name it.")
@click.option(
    "--photos", "folder", default="", metavar="DIR", help="Folder of the photos, if FILE has base names only."
)
@click.option("--xmp", is_flag=True, help="Read names from XMP side-cars and photos; FILE is a photo or folder.")
@click.option("--dry-run", is_flag=True, help="With --xmp: change nothing, only count.")
@JSON
@options.with_voice
def import_(
    voice: Voice,
    named: tuple[str, ...],
    gallery: str | None,
    model: str | None,
    folder: str,
    xmp: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add files of vectors, or names from XMP, to a gallery.

    FILE is a file that 'nitakao export' or 'nitakao embed' wrote, or the article's pickle; no code in a pickle is run.
    A missing gallery is created. With --xmp, faces take the names that digiKam and others gave to the same regions;
    without FILE, all photos of the gallery are read. Names given by hand are kept; 'nitakao people undo' reverts the
    import.
    """
    if not named and not xmp:
        raise click.UsageError("give a FILE of vectors, or --xmp")
    if dry_run and not xmp:
        raise click.UsageError("--dry-run requires --xmp")
    if xmp and (model or folder):
        raise click.UsageError("--model and --photos apply to files of vectors")
    from nitakao.tasks.gallery import import_vectors, xmp_sidecars
    from nitakao.tasks.gallery.matching import ImportSummary

    counts = ImportSummary()
    with voice.progress("photos") as steps:
        if xmp:
            xmp_sidecars.import_xmp(
                gallery,
                list(named) or None,
                dry_run=dry_run,
                stdin=options.standard_input(named),
                watch=lambda _: steps.step(),
                summary=counts,
            )
        for file in () if xmp else named:
            import_vectors.import_vectors(
                gallery, file, model=model, folder=folder, watch=lambda _: steps.step(), summary=counts
            )
    _summary(voice, counts, as_json)


def _summary(voice: Voice, counts: ImportSummary, as_json: bool) -> None:
    fields = ("photos", "faces", "known", "named", "already", "other", "unmatched")
    for problem in counts.problems:
        voice.warn(problem)
    if as_json:
        output.json_line({**{name: getattr(counts, name) for name in fields}, "problems": counts.problems})
    else:
        parts = [f"{plural(counts.faces, 'new face')} of {plural(counts.photos, 'photo')}", f"{counts.named} named"]
        parts += [f"{counts.already} already named"] if counts.already else []
        parts += [f"{counts.other} kept by another person"] if counts.other else []
        parts += [f"{counts.unmatched} names without a face"] if counts.unmatched else []
        click.echo(", ".join(parts) + (f"; {plural(len(counts.problems), 'problem')}" if counts.problems else ""))
    if counts.problems and not counts.photos:
        raise SystemExit(1)

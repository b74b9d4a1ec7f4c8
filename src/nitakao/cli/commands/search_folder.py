"""nitakao search-folder: the faces in photos that look most like a probe, without a gallery."""

from __future__ import annotations

from typing import Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice


@click.command("search-folder", epilog=options.example("nitakao search-folder photos who.jpg --limit 5"))
@click.argument("folder", metavar="FOLDER", shell_complete=options.complete_files)
@click.argument("probes", nargs=-1, required=True, metavar="PROBE...", shell_complete=options.complete_files)
@options.hit_options
@click.option("--flip", is_flag=True, help="Average each vector with that of the mirrored crop.")
@options.probe_options
@options.form_options
@options.picture_options
@options.with_voice
def search_folder(
    voice: Voice,
    folder: str,
    probes: tuple[str, ...],
    flip: bool,
    form: str | None,
    sheet: str | None,
    html: str | None,
    **settings: Any,
) -> None:
    """Search photos for a face, without a gallery.

    FOLDER is a folder with everything below it, a glob in quotes, a file, or - for a list on standard input. PROBE is a
    photo; several PROBEs are photos of one person. Every photo of FOLDER is read and embedded, and nothing is stored:
    to search more than once, use 'nitakao index' and 'nitakao search'.
    """
    from nitakao.tasks.arguments import load_card
    from nitakao.tasks.search import report
    from nitakao.tasks.search.search_folder import search_folder as task

    report.check(sheet, html)
    question = options.hit_settings(**{name: settings.pop(name) for name in options.HIT_NAMES})
    search = options.search_options(flip=flip, **settings)
    output.prepare_for_probes(voice, load_card(search.model), probes)
    with voice.progress("photos") as steps:
        output.count_in_background(voice, steps, (folder,), search.photos.allow_urls)
        hits = task(
            [folder],
            *probes,
            stdin=options.standard_input((folder,)),
            watch=lambda outcome: output.show_outcome(voice, steps, outcome),
            options=search,
            **question,
        )
    report.draw_search(hits, None, sheet, html)
    for problem in hits.problems:
        voice.warn(problem)
    output.print_hits(hits, form)

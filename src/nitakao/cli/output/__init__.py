"""What the commands print: results on standard output; progress, warnings and notes on standard error."""

from nitakao.cli.output.models import downloading, fetched, model_line, notice, ready, report
from nitakao.cli.output.photos import count_aside, counts, watched
from nitakao.cli.output.records import box, json_line, of_basis, of_face, of_probe, write, write_one
from nitakao.cli.output.results import asked_about, footer, place, sure, who
from nitakao.cli.output.text import cell, duration, harmless, number, padded, path_from_here, plural, table
from nitakao.cli.output.voice import Steps, Voice

__all__ = [
    "Steps",
    "Voice",
    "asked_about",
    "box",
    "cell",
    "count_aside",
    "counts",
    "downloading",
    "duration",
    "fetched",
    "footer",
    "harmless",
    "json_line",
    "model_line",
    "notice",
    "number",
    "of_basis",
    "of_face",
    "of_probe",
    "padded",
    "path_from_here",
    "place",
    "plural",
    "ready",
    "report",
    "sure",
    "table",
    "watched",
    "who",
    "write",
    "write_one",
]

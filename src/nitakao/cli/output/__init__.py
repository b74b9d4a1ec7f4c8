"""What the commands print: results on standard output; progress, warnings and notes on standard error."""

from nitakao.cli.output.models import (
    downloading,
    fetch_weights,
    model_line,
    prepare_for_probes,
    print_checks,
    show_notice,
)
from nitakao.cli.output.photos import count_in_background, format_counts, show_outcome
from nitakao.cli.output.records import basis_fields, face_fields, json_line, probe_fields, round_box, write, write_one
from nitakao.cli.output.results import (
    HIT_FIELDS,
    face_location,
    format_probability,
    person_label,
    print_basis,
    print_hits,
    probe_title,
)
from nitakao.cli.output.text import cell, format_duration, format_number, harmless, pad, path_from_here, plural, table
from nitakao.cli.output.voice import Steps, Voice

__all__ = [
    "HIT_FIELDS",
    "Steps",
    "Voice",
    "basis_fields",
    "cell",
    "count_in_background",
    "downloading",
    "face_fields",
    "face_location",
    "fetch_weights",
    "format_counts",
    "format_duration",
    "format_number",
    "format_probability",
    "harmless",
    "json_line",
    "model_line",
    "pad",
    "path_from_here",
    "person_label",
    "plural",
    "prepare_for_probes",
    "print_basis",
    "print_checks",
    "print_hits",
    "probe_fields",
    "probe_title",
    "round_box",
    "show_notice",
    "show_outcome",
    "table",
    "write",
    "write_one",
]

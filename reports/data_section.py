"""The data that an experiment heard: how much, and what was left out of it."""

from collections import Counter
from typing import Any

from experiment.contents import SkippedRow
from reports.html.page import Section, details, note, paragraph, section, table

_ROWS_SHOWN = 100
_REASONS_SHOWN = 12


def data_section(facts: dict[str, dict[str, Any]], skipped: list[SkippedRow]) -> Section | None:
    """Hours and clips of each split, and why recordings were left out."""
    if not facts and not skipped:
        return None
    rows = [
        [split, own.get("clips"), own.get("hours"), own.get("recordings"), own.get("skipped")]
        for split, own in facts.items()
    ]
    reasons = Counter(" ".join(row.reason.split()[:6]) for row in skipped)
    listed: list[list[object]] = [[row.split, row.id, row.reason, row.path] for row in skipped[:_ROWS_SHOWN]]
    rest = len(skipped) - _ROWS_SHOWN
    return section(
        "Data",
        table(["split", "clips", "hours", "recordings", "left out"], rows) if rows else "",
        paragraph("No recording was left out.")
        if not skipped
        else table(
            ["left out because", "recordings"],
            [[f"{reason} …", count] for reason, count in reasons.most_common(_REASONS_SHOWN)],
        ),
        details(
            "Recordings left out",
            table(["split", "recording", "reason", "file"], listed),
            note(f"And {rest:,} more, see skipped_recordings.tsv.") if rest > 0 else "",
        )
        if skipped
        else "",
    )

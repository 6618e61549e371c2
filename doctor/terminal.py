"""The summary of a survey in a terminal: short, aligned, in colour only for people."""

import os
import textwrap
from collections.abc import Sequence
from typing import TextIO

from doctor.doctor_page import verdict
from doctor.findings.finding import Finding, Severity, many
from doctor.survey import Survey
from doctor.tables import SPLIT_HEADERS, copies_and_synthesis_of, split_rows, steps_in_all
from reports import html
from untrusted.printing import printable

_COLOURS: dict[Severity, str] = {"fatal": "\x1b[1;31m", "warning": "\x1b[33m", "note": "\x1b[36m"}
_GOOD, _END = "\x1b[32m", "\x1b[0m"
_MARGIN = 9  # behind the severity
_EXAMPLES = 3


def wants_colour(stream: TextIO) -> bool:
    """Check that the stream is a terminal that allows colours (see ``NO_COLOR``)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def survey_summary(
    survey: Survey, findings: Sequence[Finding], *, colour: bool = False, width: int = 100
) -> str:
    """Return the summary without a line break at its end."""
    blocks = [_columns(survey), *_sentences(survey), ""]
    blocks += [_finding(finding, colour, width) for finding in findings]
    failing = any(finding.severity == "fatal" for finding in findings)
    last = _tinted(verdict(findings), _COLOURS["fatal"] if failing else _GOOD, colour)
    return "\n".join([*blocks, *([""] if findings else []), last])


def _columns(survey: Survey) -> str:
    rows = [["–" if cell is None else html.number(cell) for cell in row] for row in split_rows(survey)]
    table = [list(SPLIT_HEADERS), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])] for name, *cells in table)
    return "\n".join(map("  ".join, lines))


def _sentences(survey: Survey) -> list[str]:
    counts = survey.trained_on.phonemes
    present = [phoneme for phoneme in survey.vocabulary if counts[phoneme]]
    rarest = min(present, key=lambda phoneme: counts[phoneme], default=None)
    lines = [
        *copies_and_synthesis_of(survey),
        f"phonemes: the recordings of train have {len(present)} of the vocabulary's {len(survey.vocabulary)}"
        + (f"; rarest {printable(rarest)} ({counts[rarest]:,}×)" if rarest else ""),
    ]
    batching, total = survey.trained_on.batching, steps_in_all(survey)
    if batching:
        lines.append(
            f"batches: {batching.num_batches:,} of up to {many(batching.largest_clips, 'clip')} "
            f"({batching.largest_seconds:.1f} s padded), {batching.padding_share:.1%} padding; "
            f"{many(batching.optimizer_steps, 'step')} per epoch"
            + (f", {total:,} in all" if total is not None else "")
        )
    return lines


def _finding(finding: Finding, colour: bool, width: int) -> str:
    label = finding.severity.upper() if finding.severity == "fatal" else finding.severity
    body = [
        finding.text,
        *(f"· {example}" for example in finding.examples[:_EXAMPLES]),
        f"→ {finding.advice}",
    ]
    margin = " " * _MARGIN
    fill = textwrap.TextWrapper(
        max(width, 40), initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    ).fill
    title = f"{_tinted(label.ljust(_MARGIN), _COLOURS[finding.severity], colour)}{printable(finding.title)}"
    return "\n".join([title, *map(fill, map(printable, body))])


def _tinted(text: str, tint: str, colour: bool) -> str:
    return f"{tint}{text}{_END}" if colour else text

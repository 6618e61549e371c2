"""Label files whose lines hold times: HTK's ``.lab``, seconds, TIMIT's sample counts, and NIST's CTM."""

import math
from collections.abc import Sequence
from pathlib import Path

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.audio_part import BEYOND_SECONDS
from dataset_modules.sources.annotations.contract import AnnotatedFile, AnnotationTier, TimedLabel
from untrusted.printing import printable

_HTK_SECONDS = 1e-7  # HTK counts 100 ns
_LEAST_SHARE = 0.1  # of a recording that labels cover if their unit is right
_FEWEST_CTM_CELLS = 5
_ROW_CELLS = 3


def is_timed_row(line: str) -> bool:
    """Return whether a line starts with two numbers before its label.

    >>> is_timed_row("0 1200000 sil"), is_timed_row("0.0 0.12 a"), is_timed_row("a b c")
    (True, True, False)
    """
    cells = line.split()
    return len(cells) >= _ROW_CELLS and all(_number(cell) is not None for cell in cells[:2])


def read_timed_rows(path: Path, lines: Sequence[str], seconds: float, sampling_rate: int) -> AnnotatedFile:
    """Return rows of start, end and label as a tier; the recording's length decides about the unit."""
    labels = [_row(path, number, line) for number, line in enumerate(lines, start=1) if line.strip() != "."]
    unit = _unit(lines, max((label.end for label in labels), default=0.0), seconds, sampling_rate)
    return AnnotatedFile((AnnotationTier("labels", tuple(_scaled(label, unit) for label in labels)),))


def read_ctm(path: Path, lines: Sequence[str]) -> AnnotatedFile:
    """Return rows of recording, channel, start, duration and label as a tier."""
    labels = []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        times = [_number(cell) for cell in cells[2:4]]
        if len(cells) < _FEWEST_CTM_CELLS or None in times:
            raise AudioError(
                f"{printable(path)}: row {number} must be recording, channel, start, duration and label, "
                f"got {line[:40]!r}"
            )
        start, duration = (time or 0.0 for time in times)
        labels.append(TimedLabel(start, start + duration, cells[4]))
    return AnnotatedFile((AnnotationTier("labels", tuple(labels)),))


def _row(path: Path, number: int, line: str) -> TimedLabel:
    cells = line.split()
    times = [_number(cell) for cell in cells[:2]]
    if len(cells) < _ROW_CELLS or None in times:
        raise AudioError(f"{printable(path)}: row {number} must be start, end and label, got {line[:40]!r}")
    start, end = (time or 0.0 for time in times)
    return TimedLabel(start, end, _without_context(cells[2]))


def _without_context(label: str) -> str:
    """Return the phone of a label with its neighbours: HTS and HTK write left-phone+right.

    >>> _without_context("x^sil-a+b=c"), _without_context("a"), _without_context("-")
    ('a', 'a', '-')
    """
    left, _, rest = label.partition("-")
    phone, mark, _ = rest.partition("+")
    return phone if phone and mark and "/" not in left else label


def _scaled(label: TimedLabel, unit: float) -> TimedLabel:
    return label._replace(start=label.start * unit, end=label.end * unit)


def _unit(lines: Sequence[str], last: float, seconds: float, sampling_rate: int) -> float:
    """Return the seconds of one unit: of decimals one, of whole numbers what fits the recording."""
    if any("." in cell for line in lines for cell in line.split()[:2]):
        return 1.0
    units = (1.0, _HTK_SECONDS, 1 / sampling_rate)
    fitting = (unit for unit in units if _LEAST_SHARE * seconds <= last * unit <= seconds + BEYOND_SECONDS)
    return next(fitting, _HTK_SECONDS)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

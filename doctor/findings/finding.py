"""A finding about the data, and the finding that single clips share."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from doctor.survey import SplitSurvey, Survey

Severity = Literal["fatal", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("fatal", "warning", "note")
EXAMPLES = 5


class Finding(NamedTuple):
    """One problem or unusual property of the data."""

    severity: Severity
    key: str  # short and stable, for programs
    title: str
    text: str
    advice: str
    examples: tuple[str, ...] = ()
    number: int = 0  # number of clips, phonemes or speakers concerned


def many(count: int, one: str, several: str = "") -> str:
    """Format a number with its noun.

    >>> many(1, "clip"), many(1200, "clip")
    ('1 clip', '1,200 clips')
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def clips_finding(
    survey: Survey,
    which: Callable[[SplitSurvey], NDArray[np.bool_]],
    severity: Severity,
    key: str,
    what: str,
    text: str,
    advice: str,
    describe: Callable[[SplitSurvey, int], str],
    *,
    unused_too: bool = False,
) -> Finding | None:
    """Build a finding about single clips of any split: the clips that training would use, or all."""
    rows = {
        name: np.flatnonzero(which(split) & (split.clips.used | unused_too))
        for name, split in survey.splits.items()
    }
    count = sum(len(own) for own in rows.values())
    if not count:
        return None
    where = ", ".join(f"{len(own):,} in {name}" for name, own in rows.items() if len(own))
    examples = [
        f"{survey.splits[name].id_of(int(row))} ({name}): {describe(survey.splits[name], int(row))}"
        for name, own in rows.items()
        for row in own[:EXAMPLES]
    ]
    return Finding(
        severity,
        key,
        many(count, what, what.replace("clip", "clips", 1)),
        f"{text} Found: {where}.",
        advice,
        tuple(examples[:EXAMPLES]),
        count,
    )

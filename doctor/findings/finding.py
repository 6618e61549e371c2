"""A finding about the data, and the check that finds faults of single clips."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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


Check = Callable[[Survey], Iterable[Finding]]  # one finding or none


def many(count: int, one: str, several: str = "") -> str:
    """Format a number with its noun.

    >>> many(1, "clip"), many(1200, "clip")
    ('1 clip', '1,200 clips')
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def listed(names: Sequence[str], limit: int) -> str:
    """Join the first names, and count the rest.

    >>> listed(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True)
class ClipCheck:
    """A fault of single clips, and the words of a finding about them."""

    severity: Severity
    key: str
    one: str
    several: str
    text: str
    advice: str
    is_faulty: Callable[[SplitSurvey], NDArray[np.bool_]]  # of each prepared clip, (N,)
    describe: Callable[[np.void, float], str]  # (row of a clip, its seconds) → what is wrong with it
    unused_too: bool = False  # whether clips count that training would not use

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Find the faulty clips of all splits, and name the first few."""
        faulty = {
            split.name: np.flatnonzero(self.is_faulty(split) & (split.clips["used"] | self.unused_too))
            for split in survey.splits.values()
        }
        count = sum(len(rows) for rows in faulty.values())
        if count:
            where = ", ".join(f"{len(rows):,} in {name}" for name, rows in faulty.items() if len(rows))
            examples = [
                self._example(survey.splits[name], row)
                for name, rows in faulty.items()
                for row in rows[:EXAMPLES].tolist()
            ]
            title, text = many(count, self.one, self.several), f"{self.text} Found: {where}."
            yield Finding(
                self.severity, self.key, title, text, self.advice, tuple(examples[:EXAMPLES]), count
            )

    def _example(self, split: SplitSurvey, row: int) -> str:
        fault = self.describe(split.clips[row], float(split.seconds[row]))
        return f"{split.id_of(row)} ({split.name}){fault and ': '}{fault}"

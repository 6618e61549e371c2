"""Break a split down by language, speaker, length, noise, and any further column of its utterances."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from evaluation.error_analysis import SplitAnalysis
from evaluation.intervals import RateInterval, rate_interval

_DECIBELS = (10.0, 20.0, 30.0, 40.0)
_MOST_VALUES = 24  # of a column; the rarer values form one slice
_NUMBERS_FROM = 9  # a column with so many different numbers is cut into quarters
_DRAWS = 1000
_DIGITS = 12  # significant digits of a float that are always right


class Slice(NamedTuple):
    """The utterances with one value in a column."""

    value: str
    utterances: int
    phonemes: int
    rate: float
    interval: RateInterval | None


class Breakdown(NamedTuple):
    """A column and its slices."""

    column: str
    slices: tuple[Slice, ...]


def breakdowns(analysis: SplitAnalysis) -> list[Breakdown]:
    """Return the breakdowns by all columns with at least two slices."""
    records = analysis.records
    length_names, lengths_in_order = quarters([record.seconds for record in records], "s")
    columns: dict[str, list[str | None]] = {
        "language": [record.language for record in records],
        "speaker": [record.speaker for record in records],
        "length": length_names,
        "signal to noise": [binned(record.snr_db, _DECIBELS, "dB") for record in records],
    }
    orders = {"length": lengths_in_order, "signal to noise": bin_names(_DECIBELS, "dB")}
    for name in sorted({name for record in records for name in record.attributes}):
        shown = name if name not in columns else f"{name} (column)"
        columns[shown], orders[shown] = _attribute([record.attributes.get(name) for record in records])
    found = [breakdown(analysis, name, column, orders.get(name)) for name, column in columns.items()]
    return [one for one in found if len(one.slices) > 1]


def breakdown(
    analysis: SplitAnalysis, name: str, column: Sequence[str | None], order: Sequence[str] | None = None
) -> Breakdown:
    """Break down by a column: in the given order, or the largest slice first.

    Utterances without a value are left out.
    """
    counts = Counter(value for value in column if value is not None)
    common = [value for value, _ in counts.most_common(_MOST_VALUES)]
    rest = set(counts) - set(common)
    listed = [value for value in order if counts[value]] if order else common
    slices = [_slice(analysis, value, column, {value}) for value in listed]
    if rest and not order:
        slices.append(_slice(analysis, f"{len(rest)} others", column, rest))
    return Breakdown(name, tuple(slices))


def _slice(
    analysis: SplitAnalysis, name: str, column: Sequence[str | None], values: Collection[str]
) -> Slice:
    part = analysis.subset([place for place, value in enumerate(column) if value in values])
    interval = rate_interval(part.errors, part.lengths, draws=_DRAWS)
    return Slice(name, len(part.records), part.phonemes, part.phoneme_error_rate, interval)


def bin_names(edges: Sequence[float], unit: str) -> list[str]:
    """Name the bins between edges.

    >>> bin_names((2.0, 4.0), "s")
    ['below 2 s', '2 to 4 s', '4 s and more']
    """
    behind = f" {unit}" if unit else ""
    names = [f"{edge:.{_DIGITS}g}" for edge in edges]
    middle = [f"{low} to {high}{behind}" for low, high in zip(names, names[1:], strict=False)]
    return [f"below {names[0]}{behind}", *middle, f"{names[-1]}{behind} and more"]


def binned(value: float | None, edges: Sequence[float], unit: str) -> str | None:
    """Return the name of the bin that a value lies in."""
    if value is None:
        return None
    return bin_names(edges, unit)[int(np.searchsorted(edges, value, side="right"))]


def _attribute(values: Sequence[str | None]) -> tuple[list[str | None], list[str]]:
    """Return a column and the order of its values; many different numbers become quarters."""
    numbers = [_number(value) for value in values]
    given = [number for number in numbers if number is not None]
    if len(given) < sum(value is not None for value in values) or len(set(given)) < _NUMBERS_FROM:
        return list(values), []
    return quarters(numbers, "")


def quarters(numbers: Sequence[float | None], unit: str) -> tuple[list[str | None], list[str]]:
    """Return the name of each number's quarter, and the quarters in order.

    >>> quarters([1, 2, 3, 4, 5, 6, 7, 8, None], "s")[1]
    ['below 3 s', '3 to 4 s', '4 to 6 s', '6 s and more']
    """
    given = [number for number in numbers if number is not None]
    whole = all(float(number).is_integer() for number in given)
    found = np.quantile(given, [0.25, 0.5, 0.75]) if given else [0.0]
    digits = _digits([*found, min(given, default=0.0), max(given, default=0.0)])
    edges = sorted({float(round(edge)) if whole else float(f"{edge:.{digits}g}") for edge in found})
    return [binned(number, edges, unit) for number in numbers], bin_names(edges, unit)


def _digits(numbers: Sequence[float]) -> int:
    """Return how many significant digits, two or more, keep the numbers distinct.

    >>> _digits([0.123, 1.267]), _digits([102.31, 102.35, 102.67])
    (2, 5)
    """
    kinds = [len({f"{number:.{digits}g}" for number in numbers}) for digits in range(2, _DIGITS + 1)]
    return 2 + kinds.index(kinds[-1])


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and np.isfinite(number) else None

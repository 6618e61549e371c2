"""Align reference and hypothesis: of all minimal alignments the most plausible one by features."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonetics.articulation import PhonemeInventory

_UNITS = 1_000_000  # of feature cost in one edit: sums of whole numbers are exact, and ties stay ties


class Pair(NamedTuple):
    """Positions in the reference and in the hypothesis; None for a deletion or an insertion."""

    reference: int | None
    hypothesis: int | None


class Aligned(NamedTuple):
    """An alignment and its errors."""

    pairs: tuple[Pair, ...]
    substitutions: int
    deletions: int
    insertions: int
    feature_cost: float  # of all edits: a substitution costs its difference in features, other edits 1

    @property
    def errors(self) -> int:
        """Sum the three kinds of errors."""
        return self.substitutions + self.deletions + self.insertions


def align(reference: Sequence[str], hypothesis: Sequence[str], inventory: PhonemeInventory) -> Aligned:
    """Find the alignment with the fewest edits and, among those, with the smallest difference in features.

    >>> inventory = PhonemeInventory(["z", "a", "s"])
    >>> align(["a", "z"], ["s"], inventory).pairs  # s replaces z, not a
    (Pair(reference=0, hypothesis=None), Pair(reference=1, hypothesis=0))
    """
    rows = np.array([inventory.ids[phoneme] for phoneme in reference], dtype=np.int64)
    columns = np.array([inventory.ids[phoneme] for phoneme in hypothesis], dtype=np.int64)
    if np.array_equal(rows, columns):
        same = tuple(Pair(place, place) for place in range(len(rows)))
        return Aligned(same, 0, 0, 0, 0.0)
    # One edit outweighs any difference in features.
    edit = _UNITS * (len(rows) + len(columns) + 1)
    units = np.rint(inventory.distances[rows[:, None], columns[None, :]] * _UNITS).astype(np.int64)
    replaced = np.where(rows[:, None] == columns[None, :], 0, edit + units)
    costs = _cumulated(replaced, gap=edit + _UNITS)
    pairs = _traced(costs, replaced, gap=edit + _UNITS)
    deletions = sum(pair.hypothesis is None for pair in pairs)
    insertions = sum(pair.reference is None for pair in pairs)
    errors, left = divmod(int(costs[-1, -1]), edit)
    return Aligned(pairs, errors - deletions - insertions, deletions, insertions, left / _UNITS)


def _cumulated(replaced: NDArray[np.int64], gap: int) -> NDArray[np.int64]:
    """Compute the cost of aligning every two prefixes, (N + 1, M + 1)."""
    rows, columns = replaced.shape
    steps = gap * np.arange(columns + 1, dtype=np.int64)
    costs = np.empty((rows + 1, columns + 1), dtype=np.int64)
    costs[0] = steps
    for row in range(rows):
        above = costs[row] + gap
        above[1:] = np.minimum(above[1:], costs[row, :-1] + replaced[row])
        # Insertions run along the row: the minimum over all columns at which they can start.
        costs[row + 1] = np.minimum.accumulate(above - steps) + steps
    return costs


def _traced(costs: NDArray[np.int64], replaced: NDArray[np.int64], gap: int) -> tuple[Pair, ...]:
    """Trace the path back; of equal costs a pair goes before a deletion, and that before an insertion."""
    table, substitution = costs.tolist(), replaced.tolist()
    row, column = len(table) - 1, len(table[0]) - 1
    pairs = []
    while row or column:
        here = table[row][column]
        if row and column and here == table[row - 1][column - 1] + substitution[row - 1][column - 1]:
            row, column = row - 1, column - 1
            pairs.append(Pair(row, column))
        elif row and here == table[row - 1][column] + gap:
            row -= 1
            pairs.append(Pair(row, None))
        else:
            column -= 1
            pairs.append(Pair(None, column))
    return tuple(reversed(pairs))

"""Which phoneme was heard for which: one minimal alignment, the most plausible of those there are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonetics.articulation import PhonemeInventory

_UNITS = 1_000_000  # feature costs are whole numbers of this part of an edit: sums are exact, ties are ties


class Pair(NamedTuple):
    """Places in the reference and in the hypothesis; None where one has nothing for the other."""

    reference: int | None
    hypothesis: int | None


class Aligned(NamedTuple):
    """An alignment and what it comes to."""

    pairs: tuple[Pair, ...]
    substitutions: int
    deletions: int
    insertions: int
    feature_cost: float  # of all edits: a substitution by how far apart the two are, any other edit 1

    @property
    def errors(self) -> int:
        """All edits together."""
        return self.substitutions + self.deletions + self.insertions


def align(reference: Sequence[str], hypothesis: Sequence[str], inventory: PhonemeInventory) -> Aligned:
    """The alignment with the fewest edits and, among those, with the smallest difference in features.

    >>> inventory = PhonemeInventory(["z", "a", "s"])
    >>> align(["a", "z"], ["s"], inventory).pairs  # s is heard for z, not for a
    (Pair(reference=0, hypothesis=None), Pair(reference=1, hypothesis=0))
    """
    rows = np.array([inventory.ids[phoneme] for phoneme in reference], dtype=np.int64)
    columns = np.array([inventory.ids[phoneme] for phoneme in hypothesis], dtype=np.int64)
    if np.array_equal(rows, columns):
        same = tuple(Pair(place, place) for place in range(len(rows)))
        return Aligned(same, 0, 0, 0, 0.0)
    # One edit more than any difference in features can make up for.
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
    """The cost of aligning every two beginnings, (N + 1, M + 1)."""
    rows, columns = replaced.shape
    steps = gap * np.arange(columns + 1, dtype=np.int64)
    costs = np.empty((rows + 1, columns + 1), dtype=np.int64)
    costs[0] = steps
    for row in range(rows):
        above = costs[row] + gap
        above[1:] = np.minimum(above[1:], costs[row, :-1] + replaced[row])
        # Insertions run along the row: the cheapest place to start from, and as many as follow it.
        costs[row + 1] = np.minimum.accumulate(above - steps) + steps
    return costs


def _traced(costs: NDArray[np.int64], replaced: NDArray[np.int64], gap: int) -> tuple[Pair, ...]:
    """Back from the end; of equal ways a pair comes before a deletion, and that before an insertion."""
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

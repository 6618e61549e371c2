"""Isotonic regression: the rising curve that fits values best, by pooling adjacent violators."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Curve(NamedTuple):
    """A rising curve through points; constant beyond the first and the last one.

    >>> Curve((0.0, 1.0), (0.2, 0.8)).at([-5.0, 0.5, 9.0]).tolist()
    [0.2, 0.5, 0.8]
    """

    scores: tuple[float, ...]  # rising
    values: tuple[float, ...]

    def at(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Interpolate the values at some scores."""
        return np.interp(np.asarray(scores, dtype=np.float64), self.scores, self.values)


def isotonic_curve(scores: ArrayLike, values: ArrayLike, rows_per_point: int = 1) -> Curve:
    """Fit the rising curve with the least squared error; each of its points stands for so many rows or more.

    Rows are first averaged in groups, so that a single row at an end cannot make a probability of 0 or 1.

    >>> isotonic_curve([1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 1.0])
    Curve(scores=(1.0, 2.5, 4.0), values=(0.0, 0.5, 1.0))
    """
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if not len(x):
        raise ValueError("calibration: there must be rows to fit, there are none")
    order = np.argsort(x, kind="stable")
    groups = max(1, len(x) // rows_per_point)
    blocks: list[tuple[float, float, int]] = []  # sums of scores and of values, and the number of rows
    for rows in np.array_split(order, groups):
        block = (float(x[rows].sum()), float(y[rows].sum()), len(rows))
        while blocks and _violates(blocks[-1], block):
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    return _curve(blocks)


def _violates(before: tuple[float, float, int], block: tuple[float, float, int]) -> bool:
    """Whether two blocks must be pooled: the values fall, or both stand at one score."""
    return before[1] / before[2] >= block[1] / block[2] or before[0] / before[2] >= block[0] / block[2]


def _curve(blocks: Sequence[tuple[float, float, int]]) -> Curve:
    return Curve(
        tuple(total / count for total, _, count in blocks),
        tuple(total / count for _, total, count in blocks),
    )


def averaged(first: Curve, second: Curve, share: float) -> Curve:
    """Average two curves; the first one has this share.

    >>> averaged(Curve((0.0, 2.0), (0.0, 1.0)), Curve((1.0,), (0.9,)), 0.5)
    Curve(scores=(0.0, 1.0, 2.0), values=(0.45, 0.7, 0.95))
    """
    scores = np.union1d(first.scores, second.scores)
    values = share * first.at(scores) + (1.0 - share) * second.at(scores)
    return Curve(tuple(scores.tolist()), tuple(values.tolist()))

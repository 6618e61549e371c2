"""The edit distance between sequences of segments by their features, as panphon's ``feature_edit_distance``.

All features count alike: replacing a segment costs the share Σ |a − b| / 2 of its features that differ, and
a deletion or an insertion the share Σ of its features, where an unspecified one counts half.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from phonetics.articulation import Segments, known_segments


def feature_edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> float:
    """Compute the distance; as in panphon, what the feature table lacks is left out.

    >>> round(feature_edit_distance(["t", "a"], ["d", "a"]), 4)  # one feature of 24, from − to +
    0.0417
    """
    first, second = (
        np.array(_features(side), dtype=np.float64).reshape(-1, _width()) for side in (reference, hypothesis)
    )
    inserted = np.concatenate([[0.0], np.cumsum(_alone(second))])  # (M + 1,)
    costs = inserted
    for segment, deleted in zip(first, _alone(first), strict=True):
        replaced = np.abs(second - segment).sum(axis=1) / (2 * _width())  # (M,)
        above = costs + deleted
        above[1:] = np.minimum(above[1:], costs[:-1] + replaced)
        # Insertions run along the row: the minimum over all columns at which they can start.
        costs = np.minimum.accumulate(above - inserted) + inserted
    return float(costs[-1])


def _features(phonemes: Sequence[str]) -> Segments:
    return tuple(segment for phoneme in phonemes for segment in known_segments(phoneme))


def _alone(segments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute what deleting or inserting each segment costs, (N,)."""
    return np.where(segments == 0.0, 0.5, 1.0).sum(axis=1) / _width()


def _width() -> int:
    return len(known_segments("a")[0])

"""How phonemes are articulated, by panphon's features: how far apart two of them are, and how to sort them.

A phoneme is one segment or several (``t`` and ``ʃ`` in an affricate, the halves of a diphthong). Two
segments differ by the weighted share of their features that differ: Σ w·|a − b| / (2·Σ w), where a and b
are −1, 0 or 1 and w is panphon's weight of the feature. Two phonemes differ by the cheapest way from the
segments of one to those of the other, where leaving out or adding one costs 1, divided by the larger
number of segments. So a difference lies in 0…1.
"""

import functools
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonetics.arpabet import TIMIT_TO_IPA, is_timit

Segments = tuple[tuple[int, ...], ...]  # the features of each segment, −1, 0 or 1

# What panphon knows by another spelling only; ASCII g is no letter of IPA's, and easily typed.
_SPELLINGS = {"g": "ɡ", "ɚ": "ə˞", "ɝ": "ɜ˞", "ᵻ": "ɨ", "ᵿ": "ʉ"}
_SILENCES = {"sil", "spn", "pau"}  # markers, though each could be read as three segments
# Panphon calls these sonorants, for want of a place.
_GLOTTALS = {"h": "fricative", "ɦ": "fricative", "ʔ": "plosive"}
_FURTHEST_BACK = 6
MANNERS = ("plosive", "affricate", "fricative", "nasal", "liquid or glide", "vowel", "unknown")


class _Table(NamedTuple):
    panphon: object
    names: tuple[str, ...]
    weights: NDArray[np.float64]


@functools.cache
def _table() -> _Table:
    """Panphon's table; reading it takes seconds, so it is read when it is asked for."""
    import panphon

    table = panphon.FeatureTable()
    weights = np.zeros(len(table.names))
    weights[: len(table.weights)] = table.weights  # tone has none
    return _Table(table, tuple(table.names), weights)


@functools.cache
def segments_of(ipa: str) -> Segments | None:
    """The features of a phoneme's segments; None where panphon does not know all of its symbols."""
    spelled = unicodedata.normalize("NFD", ipa)
    for symbol, known in _SPELLINGS.items():
        spelled = spelled.replace(symbol, known)
    table = _table().panphon
    if not spelled or ipa.lower() in _SILENCES or "".join(table.ipa_segs(spelled)) != spelled:  # type: ignore[attr-defined]
        return None
    return tuple(tuple(segment.numeric()) for segment in table.word_fts(spelled))  # type: ignore[attr-defined]


class Inventory:
    """The phonemes that an analysis meets, with what is known of their articulation.

    >>> inventory = Inventory(["t", "d", "a"])
    >>> inventory.distances[0].round(4).tolist()  # from t to itself, to d, to a
    [0.0, 0.0172, 0.6379]
    """

    def __init__(self, phonemes: Sequence[str]) -> None:
        self.phonemes = tuple(dict.fromkeys(phonemes))
        self.ids = {phoneme: index for index, phoneme in enumerate(self.phonemes)}
        timit = is_timit(self.phonemes)
        self._ipa = [TIMIT_TO_IPA.get(phoneme, phoneme) if timit else phoneme for phoneme in self.phonemes]
        self.segments = [segments_of(spelled) for spelled in self._ipa]
        self.distances = _distances(self.segments)

    @property
    def without_features(self) -> list[str]:
        """The phonemes that panphon does not know."""
        return [
            phoneme
            for phoneme, segments in zip(self.phonemes, self.segments, strict=True)
            if segments is None
        ]

    def manner_of(self, phoneme: str) -> str:
        """One of ``MANNERS``."""
        place = self.ids[phoneme]
        segments = self.segments[place]
        if segments is None:  # whatever it begins with
            return "unknown"
        return _GLOTTALS.get(self._ipa[place][:1]) or _manner(segments)

    def by_articulation(self) -> list[str]:
        """Consonants by manner and place, then vowels by height and backness; unknown ones last."""
        return sorted(self.phonemes, key=lambda phoneme: (*self._key(phoneme), phoneme))

    def _key(self, phoneme: str) -> tuple[int, ...]:
        place = self.ids[phoneme]
        segments, manner = self.segments[place], MANNERS.index(self.manner_of(phoneme))
        if segments is None:
            return (manner,)
        first = _named(segments[0])
        if manner == MANNERS.index("vowel"):
            height = 0 if first["hi"] > 0 else 2 if first["lo"] > 0 else 1
            return (manner, height, first["back"], -first["tense"], first["round"], len(segments))
        where = _FURTHEST_BACK if self._ipa[place][0] in _GLOTTALS else _place(first)
        return (manner, where, first["voi"], first["hi"], len(segments))


def _named(segment: Sequence[int]) -> dict[str, int]:
    return dict(zip(_table().names, segment, strict=True))


def _manner(segments: Segments) -> str:
    first, last = _named(segments[0]), _named(segments[-1])
    if first["cons"] > 0 and first["nas"] > 0:
        return "nasal"
    if first["son"] > 0:
        is_vowel = first["cons"] < 0 and max(first["syl"], last["syl"]) > 0
        return "vowel" if is_vowel else "liquid or glide"
    if first["cont"] > 0:
        return "fricative"
    released = first["delrel"] > 0 or (len(segments) > 1 and last["cont"] > 0)
    return "affricate" if released else "plosive"


def _place(first: dict[str, int]) -> int:
    """From the lips to the uvula."""
    if first["cor"] > 0:
        return 1 if first["ant"] > 0 else 2
    if first["lab"] > 0 and first["back"] <= 0:
        return 0
    if first["back"] > 0:
        return 4 if first["hi"] > 0 else 5
    return 3


def _distances(phonemes: Sequence[Segments | None]) -> NDArray[np.float64]:
    """The difference of all pairs, (P, P); 1 to a phoneme without features."""
    size = len(phonemes)
    distances = np.ones((size, size))
    known = [index for index, segments in enumerate(phonemes) if segments is not None]
    for row in known:
        for column in known[: known.index(row)]:
            distances[row, column] = distances[column, row] = difference(
                phonemes[row] or (), phonemes[column] or ()
            )
    np.fill_diagonal(distances, 0.0)
    return distances


def difference(one: Segments, other: Segments) -> float:
    """How far apart two phonemes are, in 0…1."""
    costs = _segment_differences(one, other)
    if len(one) == len(other) == 1:
        return float(costs[0, 0])
    previous = np.arange(len(other) + 1, dtype=np.float64)
    for row in range(len(one)):
        current = [previous[0] + 1.0]
        for column in range(len(other)):
            substituted = previous[column] + costs[row, column]
            current.append(min(substituted, previous[column + 1] + 1.0, current[-1] + 1.0))
        previous = np.array(current)
    return float(previous[-1]) / max(len(one), len(other))


def _segment_differences(one: Segments, other: Segments) -> NDArray[np.float64]:
    weights = _table().weights
    apart = np.abs(np.array(one)[:, None, :] - np.array(other)[None, :, :])
    return (apart @ weights) / (2.0 * weights.sum())

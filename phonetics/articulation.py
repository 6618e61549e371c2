"""How different two phonemes are by their articulatory features, and how phonemes are sorted by articulation.

A phoneme is one segment or several (``t`` and ``ʃ`` in an affricate, the halves of a diphthong). Two
segments differ by the weighted share of their features that differ: Σ w·|a − b| / (2·Σ w), where a and b
are −1, 0 or 1 and w is the weight of the feature. Two phonemes differ by the cheapest edits that turn the
segments of one into those of the other, where a deletion or an insertion costs 1, divided by the larger
number of segments. So a difference lies in 0…1. ``data/README.md`` describes the table of features.
"""

import functools
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonetics.vocabulary import SPECIALS, WORD_DELIMITER

Segments = tuple[tuple[int, ...], ...]  # the features of each segment, −1, 0 or 1

_TABLE = Path(__file__).parent / "data" / "segment_features.tsv"
_VALUES = {"-": -1, "0": 0, "+": 1}
# The table has these by another spelling only; ASCII g is no letter of IPA, but easily typed.
_SPELLINGS = str.maketrans({"g": "ɡ", "ɚ": "ə˞", "ɝ": "ɜ˞", "ᵻ": "ɨ", "ᵿ": "ʉ"})
_SILENCES = {"sil", "spn", "pau"}  # markers, though each could be read as three segments
# The feature table has no place of articulation for these and makes them sonorants.
_GLOTTALS = {"h": "fricative", "ɦ": "fricative", "ʔ": "plosive"}
_FURTHEST_BACK = 6
MANNERS = ("plosive", "affricate", "fricative", "nasal", "liquid or glide", "vowel", "unknown")

_SAME_IN_TIMIT = "b d f h k l m n p s t v w z"
_TIMIT_VOWELS = (
    "iy i, ih ɪ, eh ɛ, ey eɪ, ae æ, aa ɑ, aw aʊ, ay aɪ, ah ʌ, ao ɔ, oy ɔɪ, ow oʊ, uh ʊ, uw u, ux ʉ, er ɜ˞, "
    "ax ə, ix ɨ, axr ə˞, ax-h ə̥"
)
_TIMIT_CONSONANTS = (
    "g ɡ, dx ɾ, q ʔ, jh dʒ, ch tʃ, sh ʃ, zh ʒ, th θ, dh ð, ng ŋ, em m̩, en n̩, eng ŋ̍, nx ɾ̃, r ɹ, y j, "
    "hh h, hv ɦ, el l̩"
)
_TIMIT_SILENCES = "sil h# pau epi bcl dcl gcl pcl tcl kcl vcl cl"  # they have no articulation
TIMIT_TO_IPA: dict[str, str] = {
    **{name: name for name in _SAME_IN_TIMIT.split()},
    **dict(pair.split() for pair in f"{_TIMIT_VOWELS}, {_TIMIT_CONSONANTS}".split(", ")),
    **dict.fromkeys(_TIMIT_SILENCES.split(), ""),
}
_NEVER_IN_IPA = frozenset(string.ascii_uppercase + "@\\`{}&")
_NUMBERED = re.compile(r"(.*[^0-9])([0-9]+)")
_TONE = re.compile(r"[0-9]|[1-5]{2,3}")  # the number of a tone, or its heights
_MOST_TONES = 9  # with numbers of one digit
_MOST_FOREIGN = 0.1  # of symbols; lists of IPA models hold a few slips, such as espeak's S
_ONLY_IN_TIMIT = {"iy", "ih", "ae", "aa", "hh", "sh", "dh"}  # spellings that IPA does not have


class FeatureTable(NamedTuple):
    """The names and weights of the features, and the features of every segment."""

    names: tuple[str, ...]
    weights: tuple[float, ...]
    features: Mapping[str, tuple[int, ...]]
    longest: int  # code points of a segment


@functools.cache
def feature_table() -> FeatureTable:
    """Read the table of segments; their spellings are decomposed (NFD)."""
    names, weights, *rows = (line.split("\t") for line in _TABLE.read_text(encoding="utf-8").splitlines())
    features: dict[str, tuple[int, ...]] = {}
    for signs, *segments in rows:
        features |= dict.fromkeys(segments, tuple(_VALUES[sign] for sign in signs))
    return FeatureTable(tuple(names), tuple(map(float, weights)), features, max(map(len, features)))


@functools.cache
def segments_of(ipa: str) -> Segments | None:
    """Cut a phoneme into the longest segments of the table; None where a part of it is not there.

    A doubled segment is a long one, however it is written.

    >>> segments_of("tʃ") == segments_of("t") + segments_of("ʃ"), segments_of("t7")
    (True, None)
    >>> segments_of("ss") == segments_of("sː")
    True
    """
    if not ipa or ipa.lower() in _SILENCES:
        return None
    parts = [(part, _features_of(part)) for part in _cut(ipa)]
    known = [(part, features) for part, features in parts if features is not None]
    return _long(known) if len(known) == len(parts) else None


@functools.cache
def known_segments(ipa: str) -> Segments:
    """Cut a phoneme into the longest segments of the table; leave out what is not there.

    >>> known_segments("ˈt7") == segments_of("t")
    True
    """
    found = [] if ipa.lower() in _SILENCES else map(_features_of, _cut(ipa))
    return tuple(features for features in found if features is not None)


def _cut(ipa: str) -> list[str]:
    """Cut a phoneme into the longest spellings of the table, and single characters that are not there."""
    rest = unicodedata.normalize("NFD", ipa).translate(_SPELLINGS)
    table, parts = feature_table(), []
    while rest:
        sizes = range(min(len(rest), table.longest), 0, -1)
        size = next((size for size in sizes if rest[:size] in table.features), 1)
        parts.append(rest[:size])
        rest = rest[size:]
    return parts


def _features_of(part: str) -> tuple[int, ...] | None:
    return feature_table().features.get(part)


def _long(parts: Sequence[tuple[str, tuple[int, ...]]]) -> Segments:
    """Replace two equal segments in a row by a long one."""
    segments: list[tuple[int, ...]] = []
    previous = ""
    for part, features in parts:
        long = _features_of(f"{part}ː") if part == previous else None
        if long is None:
            segments.append(features)
            previous = part
        else:
            segments[-1], previous = long, ""
    return tuple(segments)


def is_timit(phonemes: Iterable[str]) -> bool:
    """Whether these are TIMIT's names and no IPA, special tokens aside.

    >>> is_timit(["aa", "sh", "sil"]), is_timit(["a", "ʃ"]), is_timit(["p", "t"])
    (True, False, False)
    """
    names = set(phonemes) - SPECIALS
    return names <= TIMIT_TO_IPA.keys() and bool(names & _ONLY_IN_TIMIT)


def is_ipa(symbols: Iterable[str]) -> bool:
    """Whether symbols are written in IPA.

    Most have features, they are no names of ARPABET or TIMIT and no numbered ones, and few have letters that
    only X-SAMPA has.

    >>> is_ipa(["a", "tʃ", "ˈo"]), is_ipa(["AA1", "SH"]), is_ipa(["aa", "sh"]), is_ipa(["щ", "ж"])
    (True, False, False, False)
    >>> is_ipa(["p", "t", "k", "a", "S"])
    False
    """
    names = {symbol for symbol in symbols if symbol not in SPECIALS and symbol != WORD_DELIMITER}
    known = sum(bool(known_segments(name)) for name in names - numbered_names(names))
    foreign = sum(not _NEVER_IN_IPA.isdisjoint(name) for name in names)
    return not is_timit(names) and 2 * known >= len(names) and _MOST_FOREIGN * len(names) >= foreign


def numbered_names(symbols: Iterable[str]) -> set[str]:
    """Find the symbols that are a name and a running number: numbers that are no tones, or too many of them.

    >>> sorted(numbered_names(["unit9", "unit10", "i5", "i2", "ai214", "a"]))
    ['unit10', 'unit9']
    """
    found = [match for match in map(_NUMBERED.fullmatch, dict.fromkeys(symbols)) if match]
    single = Counter(match[1] for match in found if len(match[2]) == 1)
    names = {name for name, count in single.items() if count > _MOST_TONES}
    names |= {match[1] for match in found if not _TONE.fullmatch(match[2])}
    return {match[0] for match in found if match[1] in names}


class PhonemeInventory:
    """The phonemes of an analysis and their articulation.

    >>> inventory = PhonemeInventory(["t", "d", "a"])
    >>> inventory.distances[0].round(4).tolist()  # from t to itself, to d, to a
    [0.0, 0.0172, 0.6379]
    """

    def __init__(self, phonemes: Sequence[str]) -> None:
        self.phonemes = tuple(dict.fromkeys(phonemes))
        self.ids = {phoneme: index for index, phoneme in enumerate(self.phonemes)}
        timit = is_timit(self.phonemes)
        self._ipa = [TIMIT_TO_IPA.get(phoneme, phoneme) if timit else phoneme for phoneme in self.phonemes]
        self.segments = [segments_of(spelled) for spelled in self._ipa]

    @functools.cached_property
    def distances(self) -> NDArray[np.float64]:
        """Compute how different all pairs are, (P, P)."""
        return _distances(self.segments)

    @property
    def without_features(self) -> list[str]:
        """List the phonemes that the feature table does not have."""
        return [name for name, place in self.ids.items() if self.segments[place] is None]

    def manner_of(self, phoneme: str) -> str:
        """Return one of ``MANNERS``."""
        place = self.ids[phoneme]
        segments = self.segments[place]
        if segments is None:  # even if its first letter is a glottal
            return "unknown"
        return _GLOTTALS.get(self._ipa[place][0]) or _manner(segments)

    def by_articulation(self) -> list[str]:
        """Sort consonants by manner and place, then vowels by height and backness; unknown ones last."""
        return sorted(self.phonemes, key=lambda phoneme: (*self._key(phoneme), phoneme))

    def _key(self, phoneme: str) -> tuple[int, ...]:
        place = self.ids[phoneme]
        segments, manner = self.segments[place], MANNERS.index(self.manner_of(phoneme))
        if segments is None:
            return (manner,)
        first = _by_name(segments[0])
        if manner == MANNERS.index("vowel"):
            height = 0 if first["hi"] > 0 else 2 if first["lo"] > 0 else 1
            return (manner, height, first["back"], -first["tense"], first["round"], len(segments))
        where = _FURTHEST_BACK if self._ipa[place][0] in _GLOTTALS else _place(first)
        return (manner, where, first["voi"], first["hi"], len(segments))


def _by_name(segment: Sequence[int]) -> dict[str, int]:
    return dict(zip(feature_table().names, segment, strict=True))


def _manner(segments: Segments) -> str:
    first, last = _by_name(segments[0]), _by_name(segments[-1])
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
    """Number the places of articulation from the lips to the uvula."""
    if first["cor"] > 0:
        return 1 if first["ant"] > 0 else 2
    if first["lab"] > 0 and first["back"] <= 0:
        return 0
    if first["back"] > 0:
        return 4 if first["hi"] > 0 else 5
    return 3


def _distances(phonemes: Sequence[Segments | None]) -> NDArray[np.float64]:
    """Compute the difference of all pairs, (P, P); it is 1 to a phoneme without features."""
    distances = np.ones((len(phonemes), len(phonemes)))
    np.fill_diagonal(distances, 0.0)
    for row, one in enumerate(phonemes):
        for column, other in enumerate(phonemes[:row]):
            if one is not None and other is not None:
                distances[row, column] = distances[column, row] = difference(one, other)
    return distances


def difference(one: Segments, other: Segments) -> float:
    """Compute how different two phonemes are, in 0…1."""
    weights = np.array(feature_table().weights)
    differing = np.abs(np.array(one)[:, None, :] - np.array(other)[None, :, :])
    costs = (differing @ weights) / (2.0 * weights.sum())  # of replacing each segment by each, (N, M)
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

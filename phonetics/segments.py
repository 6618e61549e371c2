"""IPA strings as segments with articulatory features; ``data/README.md`` describes the table."""

import functools
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

Segments = tuple[tuple[int, ...], ...]  # the features of each segment, −1, 0 or 1

_TABLE = Path(__file__).parent / "data" / "segment_features.tsv"
_VALUES = {"-": -1, "0": 0, "+": 1}
# The table has these by another spelling only; ASCII g is no letter of IPA, but easily typed.
_SPELLINGS = str.maketrans({"g": "ɡ", "ɚ": "ə˞", "ɝ": "ɜ˞", "ᵻ": "ɨ", "ᵿ": "ʉ"})
_SILENCES = {"sil", "spn", "pau"}  # markers, though each could be read as three segments


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

    >>> segments_of("tʃ") == segments_of("t") + segments_of("ʃ"), segments_of("t7")
    (True, None)
    """
    rest = unicodedata.normalize("NFD", ipa).translate(_SPELLINGS)
    if not rest or ipa.lower() in _SILENCES:
        return None
    table, segments = feature_table(), []
    while rest:
        sizes = range(min(len(rest), table.longest), 0, -1)
        size = next((size for size in sizes if rest[:size] in table.features), 0)
        if not size:
            return None
        segments.append(table.features[rest[:size]])
        rest = rest[size:]
    return tuple(segments)

"""TIMIT's 61 phone labels and their usual foldings into 48 and 39 (Lee and Hon, 1989)."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Literal, NamedTuple

Folding = Literal[61, 48, 39]
SILENCES = frozenset({"h#", "sil"})  # what neighbouring silences become is one silence

_CLOSURES = {
    **dict.fromkeys(("pcl", "tcl", "kcl"), "cl"),
    **dict.fromkeys(("bcl", "dcl", "gcl"), "vcl"),
}
_LABELS = """
    aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih ix iy
    jh k kcl l m n ng nx ow oy p pau pcl q r s sh t tcl th uh uw ux v w y z zh
"""
_PHONES_61 = _LABELS.split()
_TO_48 = {
    **{"ax-h": "ax", "axr": "er", "em": "m", "eng": "ng", "hv": "hh", "nx": "n", "ux": "uw"},
    **{"h#": "sil", "pau": "sil"},
    **_CLOSURES,
}
_TO_39 = {
    **{"ao": "aa", "ax": "ah", "el": "l", "en": "n", "ix": "ih", "zh": "sh"},
    **dict.fromkeys(("cl", "vcl", "epi"), "sil"),
}


class Segment(NamedTuple):
    """A phone and when it starts, in seconds."""

    phone: str
    start: float


def folding_table(folding: Folding) -> Mapping[str, str | None]:
    """What each of the 61 labels becomes; None where it is left out (the glottal stop, when folding).

    >>> [folding_table(folding)["zh"] for folding in (61, 48, 39)]
    ['zh', 'zh', 'sh']
    """
    if folding == 61:  # noqa: PLR2004 - the argument's values are numbers of phones
        return {phone: phone for phone in _PHONES_61}
    to_48 = {phone: _TO_48.get(phone, phone) for phone in _PHONES_61}
    table = to_48 if folding == 48 else {phone: _TO_39.get(new, new) for phone, new in to_48.items()}  # noqa: PLR2004
    return {**table, "q": None}


def fold(segments: Iterable[Segment], folding: Folding) -> list[Segment]:
    """Fold the labels of an utterance; neighbouring silences become one.

    >>> fold([Segment("h#", 0.0), Segment("bcl", 0.1), Segment("b", 0.2), Segment("q", 0.3)], 39)
    [Segment(phone='sil', start=0.0), Segment(phone='b', start=0.2)]
    """
    table = folding_table(folding)
    folded = [Segment(new, start) for phone, start in segments if (new := table[phone]) is not None]
    runs = groupby(enumerate(folded), key=lambda item: (item[1].phone, item[1].phone in SILENCES or item[0]))
    return [next(run)[1] for _, run in runs]

"""Fold English phonemes of IPA and of ARPABET to the 39 of CMUdict, so that programs can be compared."""

import re
from collections.abc import Iterable

_IPA = {
    **{"ɑ": "AA", "ɒ": "AA", "a": "AA", "æ": "AE", "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɔ": "AO"},
    **{"aʊ": "AW", "aɪ": "AY", "ɛ": "EH", "e": "EH", "ɜ": "ER", "ɚ": "ER", "ɝ": "ER", "eɪ": "EY"},
    **{"ɪ": "IH", "ᵻ": "IH", "i": "IY", "o": "OW", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "ʊ": "UH"},
    **{"u": "UW", "oɹ": "AO R", "b": "B", "tʃ": "CH", "d": "D", "ð": "DH", "f": "F", "g": "G", "ɡ": "G"},
    **{"h": "HH", "dʒ": "JH", "k": "K", "x": "K", "l": "L", "ɫ": "L", "m": "M", "n": "N", "ŋ": "NG"},
    **{"p": "P", "ɹ": "R", "r": "R", "s": "S", "ʃ": "SH", "t": "T", "ɾ": "T", "ʔ": "T", "θ": "TH"},
    **{"v": "V", "w": "W", "ʍ": "W", "j": "Y", "z": "Z", "ʒ": "ZH"},
}
_PARTS = re.compile("|".join(sorted(_IPA, key=len, reverse=True)))
_MARKS = re.compile("[ˈˌːˑ\u0361\u203f\u0329]")
_ARPABET = re.compile(
    r"(?:AA|AE|AH|AO|AW|AY|EH|ER|EY|IH|IY|OW|OY|UH|UW|[BDFGKLMNPRSTVWYZ]|CH|DH|HH|JH|NG|SH|TH|ZH)\d?"
)


def fold_to_39(phonemes: Iterable[str]) -> list[str]:
    """Return the phonemes of CMUdict; silences, noises and boundaries are left out.

    >>> fold_to_39(["ɑːɹ", "tʃ", "|", "SIL", "AH0", "əl"])
    ['AA', 'R', 'CH', 'AH', 'AH', 'L']
    """
    folded: list[str] = []
    for phoneme in phonemes:
        if _ARPABET.fullmatch(phoneme):
            folded.append(phoneme.rstrip("0123456789"))
        elif not phoneme.isupper():
            parts = _PARTS.findall(_MARKS.sub("", phoneme))
            folded += [one for part in parts for one in _IPA[part].split()]
    return folded

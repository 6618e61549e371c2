"""TIMIT's names of phones in IPA, so that their articulation is known."""

from collections.abc import Iterable

from phonetics.vocabulary import BLANK_NAMES, OTHER_SPECIALS, UNKNOWN_NAMES

_SAME = "b d f h k l m n p s t v w z"
_VOWELS = (
    "iy i, ih ɪ, eh ɛ, ey eɪ, ae æ, aa ɑ, aw aʊ, ay aɪ, ah ʌ, ao ɔ, oy ɔɪ, ow oʊ, uh ʊ, uw u, ux ʉ, er ɜ˞, "
    "ax ə, ix ɨ, axr ə˞, ax-h ə̥"
)
_CONSONANTS = (
    "g ɡ, dx ɾ, q ʔ, jh dʒ, ch tʃ, sh ʃ, zh ʒ, th θ, dh ð, ng ŋ, em m̩, en n̩, eng ŋ̍, nx ɾ̃, r ɹ, y j, "
    "hh h, hv ɦ, el l̩"
)
_SILENCES = "sil h# pau epi bcl dcl gcl pcl tcl kcl vcl cl"  # no sound: they have no articulation
_SPECIALS = {*BLANK_NAMES, *UNKNOWN_NAMES, *OTHER_SPECIALS}  # a model may say them beside any phones
_TELLING = {"iy", "ih", "ae", "aa", "hh", "sh", "dh"}  # spellings that IPA does not have


def _table() -> dict[str, str]:
    pairs = [pair.split() for pair in f"{_VOWELS}, {_CONSONANTS}".split(", ")]
    return {name: name for name in _SAME.split()} | dict(pairs) | dict.fromkeys(_SILENCES.split(), "")


TIMIT_TO_IPA = _table()


def is_timit(phonemes: Iterable[str]) -> bool:
    """Whether these are TIMIT's names and no IPA, special tokens aside.

    >>> is_timit(["aa", "sh", "sil"]), is_timit(["a", "ʃ"]), is_timit(["p", "t"])
    (True, False, False)
    """
    names = set(phonemes) - _SPECIALS
    return names <= TIMIT_TO_IPA.keys() and bool(names & _TELLING)

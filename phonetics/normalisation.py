"""One way of writing a phoneme: NFD, IPA ``ɡ``, stress and length marks kept or dropped by choice."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

STRESS_MARKS = "ˈˌ"
LENGTH_MARKS = "ːˑ"
# They carry no sound: tie bars, zero-width joiners, and espeak's marks of variants and pauses.
JOINERS = '\u0361\u035c\u200d\u200c-_^"'
_LANGUAGE_SWITCH = re.compile(r"\([a-z]{2,4}(?:-[a-z0-9]+)*\)")


def strip_language_switches(ipa: str) -> str:
    """Remove the flags with which espeak marks a change of language.

    >>> strip_language_switches("(en)bɒn(ru)")
    'bɒn'
    """
    return _LANGUAGE_SWITCH.sub("", ipa)


@dataclass(frozen=True)
class IpaNormaliser:
    """Brings phonemes of any source to one spelling.

    Args:
        keep_stress: whether ``ˈ`` and ``ˌ`` stay on the phoneme that carries them.
        keep_length: whether ``ː`` and ``ˑ`` stay.
        mapping: replacements of whole phonemes, applied last and once; keys and values may be spelled
            in any of the ways above. A value of several phonemes separates them by spaces, an empty one
            drops the phoneme.

    >>> IpaNormaliser()(["ˈg", "t͡ʃ", "aː"])
    ('ɡ', 'tʃ', 'aː')
    >>> IpaNormaliser(keep_length=False, mapping={"ju": "j u"})(["ˈju", "aː"])
    ('j', 'u', 'a')
    """

    keep_stress: bool = False
    keep_length: bool = True
    mapping: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Spell the mapping as the phonemes are spelled that it is applied to."""
        spelled = {self._spell(old): self._spell(new) for old, new in self.mapping.items()}
        object.__setattr__(self, "mapping", spelled)

    def __call__(self, phonemes: Iterable[str]) -> tuple[str, ...]:
        """Normalise phonemes; those of which nothing is left are dropped."""
        spelled = (self._spell(phoneme) for phoneme in phonemes)
        return tuple(part for phoneme in spelled for part in self.mapping.get(phoneme, phoneme).split())

    def _spell(self, phoneme: str) -> str:
        dropped = JOINERS
        dropped += "" if self.keep_stress else STRESS_MARKS
        dropped += "" if self.keep_length else LENGTH_MARKS
        return _spelled(phoneme, dropped)


@functools.lru_cache(maxsize=4096)  # a language has few phonemes, a data set says each of them often
def _spelled(phoneme: str, dropped: str) -> str:
    decomposed = unicodedata.normalize("NFD", strip_language_switches(phoneme).strip())
    return decomposed.replace("g", "ɡ").translate({ord(mark): None for mark in dropped})

"""Long consonants have one normal form, the consonant with ``ː``: not ``ss``, and not two phonemes ``s s``.

Vocabularies of version 2 have this form. Those of version 1 may write ``ss``, or have no long ``s``: labels
are spelled as the vocabulary has them, so that they still load and mean the same.
"""

import functools
import re
from collections.abc import Callable, Sequence

LONG = "ː"
_VOWELS = set("aeiouyɨʉɯɪʏʊøɘɵɤəɛœɜɞʌɔæɐɶɑɒᵻᵿɚɝ")
_NAMES_OF_ARPABET = {"hh"}
# The closure of an affricate doubled or lengthened: ttʃ, tːʃ.
_LONG_AFFRICATE = re.compile(r"^([td])(?:\1|ː)([szʃʒɕʑʂʐ].*)$")


@functools.cache
def is_consonant(phoneme: str) -> bool:
    """Whether a phoneme begins with the letter of a consonant.

    >>> is_consonant("tʃ"), is_consonant("aɪ"), is_consonant("|")
    (True, False, False)
    """
    first = phoneme[:1]
    return first.isalpha() and first == first.lower() and first not in _VOWELS  # capitals are no IPA


def long_form(phoneme: str) -> str:
    """Return the normal form of a phoneme that is written as a doubled consonant; others stay.

    >>> [long_form(phoneme) for phoneme in ("ss", "ttʃ", "tʲtʲ", "s", "aa", "hh")]
    ['sː', 'tʃː', 'tʲː', 's', 'aa', 'hh']
    """
    if len(phoneme) < 2 or phoneme in _NAMES_OF_ARPABET or not is_consonant(phoneme):
        return phoneme
    half = len(phoneme) // 2
    if phoneme[:half] == phoneme[half:]:
        return phoneme[:half] + LONG
    affricate = _LONG_AFFRICATE.match(phoneme)
    return f"{affricate[1]}{affricate[2]}{LONG}" if affricate else phoneme


def join_long(phonemes: Sequence[str]) -> list[str]:
    """Join two equal consonants in a row to a long one.

    >>> join_long(["b", "ɛ", "l", "l", "o"])
    ['b', 'ɛ', 'lː', 'o']
    """
    return [phoneme for phoneme, _ in spell_long(phonemes, lambda _: True)]


def spell_long(phonemes: Sequence[str], has: Callable[[str], bool]) -> list[tuple[str, int]]:
    """Spell long consonants as a vocabulary has them; each phoneme with the place that it comes from.

    >>> spell_long(["l", "l", "a"], {"lː", "l", "a"}.__contains__)
    [('lː', 0), ('a', 2)]
    >>> spell_long(["lː", "a"], {"l", "a"}.__contains__)
    [('l', 0), ('l', 0), ('a', 1)]
    """
    spelled: list[tuple[str, int]] = []
    place = 0
    while place < len(phonemes):
        phoneme = phonemes[place]
        doubled = place + 1 < len(phonemes) and phonemes[place + 1] == phoneme
        if doubled and is_consonant(phoneme) and not phoneme.endswith(LONG) and has(phoneme + LONG):
            spelled.append((phoneme + LONG, place))
            place += 2
            continue
        short = phoneme.removesuffix(LONG)
        if short != phoneme and is_consonant(phoneme) and not has(phoneme) and has(short):
            spelled += [(short, place), (short, place)]
        else:
            spelled.append((phoneme, place))
        place += 1
    return spelled

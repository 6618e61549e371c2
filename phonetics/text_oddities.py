"""Parts of a text that a text-to-phoneme backend reads otherwise than a speaker would."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

OddityKind = Literal[
    "markup",
    "foreign script",
    "digits",
    "spoken symbols",
    "spelled-out letters",
    "abbreviations",
    "lost letters",
]

# Languages that are not written in Latin letters; all others are taken to be.
_SCRIPTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("ba", "be", "bg", "cv", "kk", "ky", "mk", "mn", "nog", "ru", "tt", "uk"), ("CYRILLIC",)),
    **dict.fromkeys(("bs", "sr", "uz"), ("CYRILLIC", "LATIN")),
    **dict.fromkeys(("ar", "fa", "sd", "ug", "ur"), ("ARABIC",)),
    **dict.fromkeys(("hi", "kok", "mr", "ne", "sa"), ("DEVANAGARI",)),
    **dict.fromkeys(("as", "bn", "bpy"), ("BENGALI",)),
    **dict.fromkeys(("cmn", "hak", "yue", "zh"), ("CJK", "LATIN")),
    # espeak-ng reads no Chinese characters in Japanese: each becomes "Chinese letter".
    **{"ja": ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"), "ko": ("HANGUL",)},
    **{"el": ("GREEK",), "grc": ("GREEK",), "he": ("HEBREW",), "hy": ("ARMENIAN",), "hyw": ("ARMENIAN",)},
    **{
        "am": ("ETHIOPIC",),
        "ti": ("ETHIOPIC",),
        "ka": ("GEORGIAN",),
        "gu": ("GUJARATI",),
        "kn": ("KANNADA",),
        "th": ("THAI",),
    },
    **{"ml": ("MALAYALAM",), "my": ("MYANMAR",), "or": ("ORIYA",), "pa": ("GURMUKHI",), "si": ("SINHALA",)},
    **{"shn": ("MYANMAR",), "ta": ("TAMIL",), "te": ("TELUGU",), "chr": ("CHEROKEE",)},
}
_TAGS = re.compile(r"<[^<>]*>|&#?\w+;|https?://\S+")
_MARKUP = re.compile(rf"{_TAGS.pattern}|\[[^\[\]]*\]|\{{[^{{}}]*\}}|\\[nrt]")
_SYMBOLS = frozenset("@#%‰&*+=/\\^_|~<>§©®™°")
_DIGITS = re.compile(r"\b\w*[\d²³¹¼½¾]\w*(?:[.,:]\d+)*")
_DOTTED = re.compile(
    r"\b(?:[^\W\d_]{1,2}\.\s?){2,}|\b[^\W\d_aeiouyаеёиоуыэюя]{1,4}\.(?=\s+\w)", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]+")
_SPANISH_QUESTION = re.compile(r"¿[^?]*\?")
_LOST_LETTER = re.compile(r"(?<!\w)\w*(?:\ufffd\w*|\?(?=\s*([^\W\d_])))")
_LONGEST_ACRONYM = 5


class TextOddity(NamedTuple):
    """A part of a text, and why it may be spoken otherwise than it is written."""

    kind: OddityKind
    part: str


def text_oddities(text: str, language: str | None = None) -> list[TextOddity]:
    """Return the odd parts of a text; foreign scripts are found where the language is known.

    >>> text_oddities("Press <b>1</b> for the PIN, e.g. привет", "en-us")[2:]
    [TextOddity(kind='foreign script', part='привет'), TextOddity(kind='digits', part='1'), \
TextOddity(kind='spelled-out letters', part='PIN'), TextOddity(kind='abbreviations', part='e.g.')]
    >>> text_oddities("C'est l'été, à 20 %", "fr-fr")
    [TextOddity(kind='digits', part='20'), TextOddity(kind='spoken symbols', part='%')]
    """
    plain = _MARKUP.sub(" ", text)
    parts: dict[OddityKind, Iterable[str]] = {
        "markup": _MARKUP.findall(text),
        "foreign script": _foreign_words(plain, language),
        "digits": _DIGITS.findall(_TAGS.sub(" ", text)),
        "spoken symbols": _spoken_symbols(plain),
        "spelled-out letters": _acronyms(plain),
        "abbreviations": (part.strip() for part in _DOTTED.findall(plain)),
        "lost letters": lost_letters(plain),
    }
    return [TextOddity(kind, part) for kind, found in parts.items() for part in found]


def lost_letters(text: str) -> list[str]:
    """Return words that lost a letter in a conversion: a ``?`` in its place, and no sentence begins after it.

    >>> lost_letters("Il tempo sar? esattamente... La linea ? piena. Quale? Questa?")
    ['sar?', '?']
    >>> lost_letters("Hola ¿como? bien")
    []
    """
    found = _LOST_LETTER.finditer(_SPANISH_QUESTION.sub(" ", text))
    return [match[0] for match in found if match[1] is None or match[1].islower()]


def _foreign_words(text: str, language: str | None) -> Iterator[str]:
    if language is None:
        return
    code = language.lower()
    usual = ("LATIN",) if "-latn" in code else _SCRIPTS.get(code.split("-")[0], ("LATIN",))
    for word in _WORD.findall(text):
        if any(script not in usual for script in map(_script_of, word) if script):
            yield word


def _script_of(letter: str) -> str:
    """Return the script of a letter; marks and letters of no script have none.

    >>> _script_of("ж"), _script_of("é"), _script_of("ª")
    ('CYRILLIC', 'LATIN', '')
    """
    name = unicodedata.name(letter, "")
    if not letter.isalpha() or name.startswith(("MODIFIER", "FEMININE", "MASCULINE", "MICRO")):
        return ""
    return name.split()[0] if name else ""


def _spoken_symbols(text: str) -> Iterator[str]:
    for letter in text:
        if unicodedata.category(letter) in ("Sc", "Sm") or letter in _SYMBOLS:
            yield letter


def _acronyms(text: str) -> Iterator[str]:
    """Yield words in capitals within a text that is not all in capitals."""
    words = _WORD.findall(text)
    if all(word.isupper() for word in words if len(word) > 1) and len(words) > 1:
        return
    yield from (word for word in words if word.isupper() and 1 < len(word) <= _LONGEST_ACRONYM)

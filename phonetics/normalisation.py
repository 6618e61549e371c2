"""Normalise the spelling of phonemes: NFD, IPA ``ɡ``; stress, length and ties stay or go by choice."""

import functools
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from phonetics.notation.long_consonants import long_form
from untrusted.files import FileError, read_text
from untrusted.yaml_text import compose_yaml

STRESS_MARKS = "ˈˌ"
LENGTH_MARKS = "ːˑ"
TIE, TIE_BELOW = "\u0361", "\u035c"
# They carry no sound: zero-width joiners, and espeak's marks of variants and pauses.
JOINERS = '\u200d\u200c-_^"'
_MAX_SPELLINGS = 4096  # that are cached; far more than a language has
_LANGUAGE_SWITCH = re.compile(r"\([a-z]{2,4}(?:-[a-z0-9]+)*\)")


def strip_language_switches(ipa: str) -> str:
    """Remove the flags with which espeak marks a change of language.

    >>> strip_language_switches("(en)bɒn(ru)")
    'bɒn'
    """
    return _LANGUAGE_SWITCH.sub("", ipa)


@functools.lru_cache(maxsize=_MAX_SPELLINGS)
def one_spelling(phoneme: str) -> str:
    """Choose one of the ways to write a phoneme: decomposed, the IPA letter ɡ, the tie above, sː for ss.

    >>> one_spelling("g"), len(one_spelling("\u00e7")), one_spelling("ss")
    ('ɡ', 2, 'sː')
    """
    letters = unicodedata.normalize("NFD", phoneme).replace(TIE_BELOW, TIE).replace("g", "ɡ")
    return long_form(letters)


@dataclass(frozen=True)
class IpaNormaliser:
    """Converts phonemes of any source to one spelling.

    Args:
        keep_stress: whether ``ˈ`` and ``ˌ`` stay on the phoneme that carries them.
        keep_length: whether ``ː`` and ``ˑ`` stay.
        mapping: replacements of whole phonemes, applied last and once; keys and values may be spelled
            in any of the ways above. A value of several phonemes separates them by spaces; an empty value
            drops the phoneme. A string is the path of a file: a JSON object, or lines of key, tab, value.
        keep_ties: whether the tie of ``t͡ʃ`` stays; one below becomes one above.

    >>> IpaNormaliser()(["ˈg", "t͡ʃ", "aː"])
    ('ɡ', 'tʃ', 'aː')
    >>> IpaNormaliser(keep_length=False, mapping={"ju": "j u"})(["ˈju", "aː"])
    ('j', 'u', 'a')
    """

    keep_stress: bool = False
    keep_length: bool = True
    mapping: Mapping[str, str] | str = field(default_factory=dict)
    keep_ties: bool = False

    def __post_init__(self) -> None:
        """Normalise the spelling of the mapping, too."""
        given = self.mapping
        pairs = read_mapping(Path(given).expanduser()) if isinstance(given, str) else given
        spelled: dict[str, str] = {}
        for old, new in pairs.items():
            key = self._spell(old)
            if not key or any(letter.isspace() for letter in key):
                raise ValueError(f"normalisation: mapping must replace single phonemes, got the key {old!r}")
            value = " ".join(filter(None, map(self._spell, new.split())))
            if spelled.setdefault(key, value) != value:
                raise ValueError(
                    f"normalisation: mapping must have one replacement of a phoneme, {key!r} becomes "
                    f"{spelled[key]!r} and {value!r}"
                )
        object.__setattr__(self, "mapping", dict(sorted(spelled.items())))
        object.__setattr__(self, "_spellings", {})

    def __call__(self, phonemes: Iterable[str]) -> tuple[str, ...]:
        """Normalise phonemes; drop those of which nothing is left."""
        table: Mapping[str, str] = self.__dict__["mapping"]
        known: dict[str, tuple[str, ...]] = self.__dict__["_spellings"]
        normalised: list[str] = []
        for phoneme in phonemes:
            parts = known.get(phoneme)
            if parts is None:
                spelled = self._spell(phoneme)
                parts = tuple(table.get(spelled, spelled).split())
                if len(known) < _MAX_SPELLINGS:
                    known[phoneme] = parts
            normalised += parts
        return tuple(normalised)

    def _spell(self, phoneme: str) -> str:
        dropped = JOINERS
        dropped += "" if self.keep_stress else STRESS_MARKS
        dropped += "" if self.keep_length else LENGTH_MARKS
        dropped += "" if self.keep_ties else TIE
        marks = {ord(mark): None for mark in dropped}
        letters = strip_language_switches(phoneme).strip().translate(marks)
        return one_spelling(letters).translate(marks)  # marks may have come in with another spelling


def read_mapping(path: Path, owner: str = "normalisation: mapping") -> dict[str, str]:
    """Read replacements: a JSON or YAML object, or lines of phoneme, tab, replacement."""
    try:
        text = read_text(path)
    except FileError as error:
        raise ValueError(f"{owner} must be a file in UTF-8: {error}") from error
    readers = {".json": _json_pairs, ".yaml": _yaml_pairs, ".yml": _yaml_pairs}
    pairs = readers.get(path.suffix.lower(), _line_pairs)(text, path, owner)
    mapping: dict[str, str] = {}
    for old, new in pairs:
        if old in mapping:
            raise ValueError(f"{owner}: {path} must name a phoneme once, {old!r} stands there twice")
        mapping[old] = new
    return mapping


def _json_pairs(text: str, path: Path, owner: str) -> list[tuple[str, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{owner}: {path} must be JSON: {error}") from error
    is_object = isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs)
    if not is_object or not all(isinstance(new, str) for _, new in pairs):
        raise ValueError(f"{owner}: {path} must be one JSON object of phoneme → replacement")
    return pairs


def _yaml_pairs(text: str, path: Path, owner: str) -> list[tuple[str, str]]:
    """Read keys and values as they are written: ``n`` and ``y`` are phonemes here, no truth values."""
    try:
        node = compose_yaml(text, path)
    except FileError as error:
        raise ValueError(f"{owner}: {error}") from error
    pairs = node.value if isinstance(node, yaml.MappingNode) else None
    if pairs is None or not all(isinstance(part, yaml.ScalarNode) for pair in pairs for part in pair):
        raise ValueError(f"{owner}: {path} must be one YAML object of phoneme → replacement")
    return [(old.value, new.value) for old, new in pairs]


def _line_pairs(text: str, path: Path, owner: str) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        is_comment = line.startswith("#") and not line.startswith("#\t")  # models have the symbol # itself
        if is_comment or not line.strip():
            continue
        old, tab, new = line.partition("\t")
        if not tab:
            raise ValueError(
                f"{owner}: {path}: line {number} must be a phoneme, a tab and what it becomes, "
                f"got {line[:40]!r}"
            )
        yield unescaped(old.strip()), new.strip()


def escaped(symbol: str) -> str:
    r"""Return a symbol as a row of a table begins with it: ``#`` alone is one, ``#x`` would be a comment.

    >>> print(escaped("#"), escaped("#x"))
    # \#x
    """
    return f"\\{symbol}" if symbol.startswith("#") and symbol != "#" else symbol


def unescaped(cell: str) -> str:
    r"""Return the symbol that a row begins with.

    >>> unescaped(escaped("#x"))
    '#x'
    """
    return cell[1:] if cell.startswith("\\#") else cell

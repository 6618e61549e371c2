"""Praat's TextGrids: long and short ones are the same sequence of numbers, quoted texts and flags.

Praat itself ignores all other words, such as ``xmin =``. The file states how many tiers and labels follow, so
that a file that was cut is noticed.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import AnnotatedFile, AnnotationTier, TimedLabel
from dataset_modules.sources.annotations.formats.text_files import label_text
from untrusted.printing import printable

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)|--undefined--"
# Each pattern matches in one way alone, so that no file takes more than linear time.
# A free-standing number: the ones of "item [1]:" are part of another word. A comment ends with its line.
_TOKEN = re.compile(
    rf'"(?P<text>[^"]*(?:""[^"]*)*)"|(?P<comment>![^\n]*)|(?<!\S)(?P<number>{_NUMBER})(?!\S)|(?P<flag><[a-z]+>)|[^\s"]+',
    re.IGNORECASE,
)
_INTERVALS, _POINTS = "IntervalTier", "TextTier"


def read_textgrid(path: Path) -> AnnotatedFile:
    """Return the tiers of a TextGrid; raise ``AudioError`` with the reason if it is damaged."""
    tokens = _Tokens(path, label_text(path))
    if tokens.text() != "ooTextFile" or tokens.text() != "TextGrid":
        raise AudioError(f"{printable(path)}: must be a TextGrid, its header is of something else")
    start, seconds = tokens.number(), tokens.number()
    if tokens.flag() != "<exists>":
        return AnnotatedFile((), seconds, start)
    return AnnotatedFile(tuple(_tier(tokens) for _ in range(tokens.count())), seconds, start)


def _tier(tokens: "_Tokens") -> AnnotationTier:
    kind, name = tokens.text(), tokens.text()
    if kind not in (_INTERVALS, _POINTS):
        raise AudioError(f"{tokens.name}: a tier must be an {_INTERVALS} or a {_POINTS}, got {kind[:40]!r}")
    tokens.number(), tokens.number()
    labels = []
    for _ in range(tokens.count()):
        start = tokens.number()
        end = tokens.number() if kind == _INTERVALS else start
        labels.append(TimedLabel(start, end, tokens.text().strip()))
    return AnnotationTier(name.strip(), tuple(labels))


class _Tokens:
    """The values of a TextGrid, one after another."""

    def __init__(self, path: Path, content: str) -> None:
        self.name = printable(path)
        self._tokens = self._matches(content)

    @staticmethod
    def _matches(content: str) -> Iterator[tuple[str, str]]:
        for match in _TOKEN.finditer(content):
            if match.lastgroup not in (None, "comment"):
                yield str(match.lastgroup), match.group(str(match.lastgroup))

    def text(self) -> str:
        """Return the next quoted text."""
        return self._next("text").replace('""', '"')

    def flag(self) -> str:
        """Return the next flag."""
        return self._next("flag")

    def number(self) -> float:
        """Return the next number; NaN and infinity are no times."""
        written = self._next("number")
        value = float(written) if written[-1] != "-" else math.nan
        if not math.isfinite(value):
            raise AudioError(f"{self.name}: every time must be a finite number, got {written}")
        return value

    def count(self) -> int:
        """Return the next number, which counts what follows."""
        value = self.number()
        if value < 0 or value != int(value):
            raise AudioError(f"{self.name}: a number of tiers or labels must be whole, got {value}")
        return int(value)

    def _next(self, kind: str) -> str:
        found = next(self._tokens, None)
        if found is None:
            raise AudioError(f"{self.name}: the TextGrid is cut: labels that it announces are missing")
        if found[0] != kind:
            raise AudioError(f"{self.name}: the TextGrid must have a {kind} there, got {found[1][:40]!r}")
        return found[1]

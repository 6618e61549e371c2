"""Names whose accents are one character or two: é is composed by most systems and decomposed by macOS."""

import os
import unicodedata
from pathlib import Path


def composed(name: str) -> str:
    r"""Return a name with each accented letter as one character.

    >>> composed("e\u0301.wav") == "\u00e9.wav"
    True
    """
    return unicodedata.normalize("NFC", name)


def on_disk(path: Path) -> Path:
    """Return a path as the disk spells it; one that is not there stays."""
    return Path(_spelled_on_disk(str(path)))


def _spelled_on_disk(path: str) -> str:
    if path.isascii() or os.path.lexists(path):
        return path
    folder, name = os.path.split(path)
    folder = _spelled_on_disk(folder)
    spellings = (os.path.join(folder, unicodedata.normalize(form, name)) for form in ("NFC", "NFD"))
    return next((spelling for spelling in spellings if os.path.lexists(spelling)), path)

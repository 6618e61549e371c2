"""Labels in a file beside the audio: ``.phn`` as TIMIT writes it, ``.ipa`` and ``.lab``, ``.txt``."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.formats.text_files import label_text

LABEL_SUFFIXES = (".phn", ".ipa", ".lab", ".txt")  # the first file with content counts
SILENCES = frozenset({"h#", "pau", "epi", "sil", "sp"})  # labels that are not phonemes


class Labels(NamedTuple):
    """The phonemes or the text of a recording."""

    phonemes: tuple[str, ...] | None = None
    text: str | None = None


def read_side_labels(files: Mapping[str, Path]) -> Labels:
    """Return the labels beside a recording, given its files by suffix; empty files are ignored."""
    for suffix in LABEL_SUFFIXES:
        if suffix in files and (lines := label_lines(files[suffix])):
            return _labels(suffix, "\n".join(lines), files[suffix])
    return Labels()


def label_lines(path: Path) -> list[str]:
    """Return the lines of a label file, except blank ones."""
    return [line for line in label_text(path).splitlines() if line.strip()]


def _labels(suffix: str, content: str, path: Path) -> Labels:
    if suffix == ".txt":
        return Labels(text=" ".join(content.split()))
    if suffix != ".phn":
        return Labels(phonemes=tuple(content.split()))
    try:
        return Labels(phonemes=parse_phn(content) or None)
    except ValueError as error:
        raise AudioError(f"its labels cannot be read: {path}: {error}") from error


def parse_phn(content: str) -> tuple[str, ...]:
    r"""Return the phonemes of lines of start, end and label; silences are left out.

    >>> parse_phn("0 3050 h#\n3050 4559 sh\n4559 5723 ix\n")
    ('sh', 'ix')
    """
    rows = [line.split() for line in content.splitlines() if line.strip()]
    for number, row in enumerate(rows, start=1):
        if len(row) != 3 or not (row[0].isdecimal() and row[1].isdecimal()):
            raise ValueError(f"row {number} must be start, end and label, got {' '.join(row)[:40]!r}")
    return tuple(label for _, _, label in rows if label not in SILENCES)

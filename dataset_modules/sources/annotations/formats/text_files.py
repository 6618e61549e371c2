"""The content of a label file, in the encodings that Praat and others write."""

import codecs
from pathlib import Path

from dataset_modules.recording import AudioError
from untrusted.files import FileError, read_bytes
from untrusted.printing import printable

_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def label_bytes(path: Path) -> bytes:
    """Return a label file's content; raise ``AudioError`` if it cannot be read or is far too large."""
    try:
        return read_bytes(path)
    except FileError as error:
        raise AudioError(f"its labels cannot be read: {error}") from error


def label_text(path: Path) -> str:
    """Return the text of a label file in UTF-8, or in UTF-16 with a byte order mark."""
    content = label_bytes(path)
    try:
        return content.decode("utf-16" if content[:2] in _BYTE_ORDER_MARKS else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise AudioError(
            f"its labels cannot be read: {printable(path)} must be UTF-8 or UTF-16: {error.reason}; "
            f"convert it from the encoding in which it was written, such as Latin-1 or MacRoman"
        ) from error

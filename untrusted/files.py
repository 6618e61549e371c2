"""Small files, read whole: regular files alone, of bounded size, in UTF-8."""

import os
import stat
from pathlib import Path

from untrusted.printing import printable

MOST_BYTES = 64 * 2**20
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class FileError(ValueError):
    """A file cannot be used; the message, one line, names the file and gives the reason."""


def read_bytes(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a regular file; refuse anything else, which could block, and a larger file."""
    try:
        # A pipe without a writer would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _not_a_file(path, status.st_mode)
            content = stream.read(most_bytes + 1)
    except IsADirectoryError as error:
        raise _not_a_file(path, stat.S_IFDIR) from error
    except OSError as error:
        raise FileError(f"{printable(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{printable(path)} is no file name: {error}") from error
    if len(content) > most_bytes:
        raise FileError(f"{printable(path)} must have at most {most_bytes} bytes, it has more")
    return content


def read_text(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """Read a text in UTF-8, with or without a byte order mark."""
    try:
        return read_bytes(path, most_bytes=most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{printable(path)} must be text in UTF-8, it is not: {error}") from error


def _not_a_file(path: Path, mode: int) -> FileError:
    return FileError(f"{printable(path)} must be a file, it is {_KINDS.get(stat.S_IFMT(mode), 'none')}")

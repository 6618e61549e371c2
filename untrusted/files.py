"""Small files, read whole: regular files alone, of bounded size, in UTF-8."""

import io
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from untrusted.printing import printable

MOST_BYTES = 64 * 2**20
_PEEKED_BYTES = 2**16
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class FileError(ValueError):
    """A file cannot be used; the message, one line, names the file and gives the reason."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read; refuse anything else, which could block."""
    try:
        # A pipe without a writer would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileError(f"{printable(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise FileError(f"{printable(path)} is no file name: {error}") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise FileError(f"{printable(path)} must be a file, it is {kind}")
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a regular file; refuse a larger one."""
    with open_regular(path) as stream:
        try:
            content = stream.read(most_bytes + 1) or b""  # None: the system has nothing to read there
        except OSError as error:
            raise FileError(f"{printable(path)} cannot be read: {error.strerror}") from error
    if len(content) > most_bytes:
        raise FileError(f"{printable(path)} must have at most {most_bytes} bytes, it has more")
    return content


def read_text(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """Read a text in UTF-8, with or without a byte order mark."""
    return _decoded(read_bytes(path, most_bytes=most_bytes), path)


def read_lines(path: Path, *, most_bytes: int) -> Iterator[str]:
    """Yield the lines of a text of any length; refuse a line of more than so many bytes."""
    with open_regular(path) as stream:
        for number in itertools.count(1):
            try:
                line = stream.readline(most_bytes + 1)
            except OSError as error:
                raise FileError(f"{printable(path)} cannot be read: {error.strerror}") from error
            if not line:
                return
            if len(line) > most_bytes:
                raise FileError(
                    f"{printable(path)}, line {number}: must have at most {most_bytes} bytes, it has more"
                )
            yield _decoded(line, path)


def open_text(path: Path, *, newline: str, errors: str = "strict") -> TextIO:
    """Open a table of any length to read, in UTF-8; refuse what is no text by its first bytes."""
    stream = io.BufferedReader(open_regular(path).detach(), _PEEKED_BYTES)  # type: ignore[attr-defined]
    try:
        holds_zeros = b"\0" in stream.peek(_PEEKED_BYTES)
    except OSError as error:
        stream.close()
        raise FileError(f"{printable(path)} cannot be read: {error.strerror}") from error
    if holds_zeros:
        stream.close()
        raise FileError(f"{printable(path)} must be text in UTF-8, it holds zero bytes")
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors=errors, newline=newline)


def within(folder: Path, name: str) -> Path:
    """Return the path of a file below a folder; refuse a name that leads out, also through a link."""
    try:
        path = (folder / name).resolve()
        leads_out = not path.is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name that no file can have
        raise FileError(f"{printable(folder)}: {printable(name)} is no file's name: {error}") from error
    if leads_out:
        raise FileError(f"{printable(folder)}: {printable(name)} must lie in this folder, it leads out of it")
    return path


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{printable(path)} must be text in UTF-8, it is not: {error}") from error

"""Read the files of a Debian package: an ``ar`` archive that holds a compressed tar archive."""

import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_MAGIC = b"!<arch>\n"
_HEADER_BYTES, _NAME_BYTES = 60, 16
_SIZE_FIELD, _END_FIELD = slice(48, 58), slice(58, 60)
_DATA = "data.tar"
_MOST_BYTES = 1 << 30  # of all unpacked files
_MOST_TEXT_BYTES = 1 << 26
_BROKEN = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)


def packaged_files(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of every regular file in a ``.deb`` or a tar archive.

    Nothing is written, links and devices are left out, and a path that leaves the archive is refused.
    """
    try:
        yield from _files_of(package)
    except _BROKEN as error:
        raise ValueError(f"{package}: cannot be unpacked: {error}; is it whole?") from error


def _files_of(package: Path) -> Iterator[tuple[str, bytes]]:
    content = package.read_bytes()
    if content.startswith(_MAGIC):
        content = _tar_of(content, package)
    num_bytes = 0
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            num_bytes += member.size
            path = PurePosixPath(member.name)
            if not member.isreg():
                continue
            if path.is_absolute() or ".." in path.parts or num_bytes > _MOST_BYTES:
                raise ValueError(f"{package}: holds a file that no package should: {member.name[:80]!r}")
            stream = archive.extractfile(member)
            yield str(path), stream.read() if stream else b""


def unpacked_text(content: bytes, name: str) -> bytes:
    """Return the content of a text that gzip has packed; refuse one that would take all memory."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            text = stream.read(_MOST_TEXT_BYTES + 1)
    except _BROKEN as error:
        raise ValueError(f"{name[:80]!r} cannot be unpacked: {error}; is it whole?") from error
    if len(text) > _MOST_TEXT_BYTES:
        raise ValueError(f"{name[:80]!r} must have at most {_MOST_TEXT_BYTES} bytes, it has more")
    return text


def _tar_of(content: bytes, package: Path) -> bytes:
    for name, member in ar_members(content):
        if name.startswith(_DATA):
            return member
    raise ValueError(f"{package}: must hold {_DATA}, as a Debian package does; it holds none")


def ar_members(content: bytes) -> Iterator[tuple[str, bytes]]:
    r"""Yield name and content of every member of an ``ar`` archive.

    >>> header = b"a/".ljust(48) + b"3".ljust(10) + b"`\n"
    >>> list(ar_members(b"!<arch>\n" + header + b"abc\n"))
    [('a', b'abc')]
    """
    place = len(_MAGIC)
    while place < len(content):
        header = content[place : place + _HEADER_BYTES]
        size = header[_SIZE_FIELD].strip()
        if len(header) < _HEADER_BYTES or header[_END_FIELD] != b"`\n" or not size.isdigit():
            raise EOFError(f"the member at byte {place} has no header")
        start, end = place + _HEADER_BYTES, place + _HEADER_BYTES + int(size)
        if end > len(content):
            raise EOFError(f"the archive ends within the member at byte {place}")
        name = header[:_NAME_BYTES].decode("ascii", errors="replace").strip().removesuffix("/")
        yield name, content[start:end]
        place = end + end % 2  # members start at even places

"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_KEPT_LETTERS = 50  # of at most four bytes


def flush_to_disk(path: Path) -> None:
    """Wait until a file that was written, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Add the path to an error of the system that names none, as one of writing to an open file.

    >>> with named_in_errors(Path("a.ckpt")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    OSError: [Errno 28] No space left on device: 'a.ckpt'
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def replacing(path: Path, unfinished: Path) -> Iterator[BinaryIO]:
    """Write to ``unfinished``, flush it to disk and rename it to ``path``; remove it after any failure."""
    try:
        unfinished.unlink(missing_ok=True)  # of a killed process; a link in its place is not followed
        with named_in_errors(path), unfinished.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def write_durably(path: Path, content: str | bytes) -> None:
    r"""Replace a file by a content; bytes of names that are no UTF-8 are written as escapes: ``\udcff``.

    Processes that write the same file at once do not disturb each other: the last one to end stays.
    """
    # Whole, the temporary name of a long name would be longer than any that file systems have.
    with replacing(path, path.with_name(f"{path.name[:_KEPT_LETTERS]}.{os.getpid()}.tmp")) as stream:
        stream.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)

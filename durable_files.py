"""Small files that are there whole or not at all, for every room that keeps some; and series of them."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path


def flush_to_disk(path: Path) -> None:
    """Wait until a file that was written is on the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def write_durably(path: Path, text: str) -> None:
    """Write beside the target, flush to disk, rename.

    Processes that write the same file at once do not disturb each other: the last one to end stays.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """``config.yaml``, or ``config_2.yaml`` where that is taken, and so on."""
    return next(path for path in _series(folder, stem, suffix) if not path.exists())


def newest_name(folder: Path, stem: str, suffix: str) -> Path:
    """The last that ``free_name`` gave and that was written; ``config.yaml`` where there is none."""
    present = list(itertools.takewhile(Path.exists, _series(folder, stem, suffix)))
    return present[-1] if present else folder / f"{stem}{suffix}"


def _series(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    """Name after name: ``config.yaml``, ``config_2.yaml``, ``config_3.yaml``."""
    yield folder / f"{stem}{suffix}"
    yield from (folder / f"{stem}_{number}{suffix}" for number in itertools.count(2))

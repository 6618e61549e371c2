"""Small files that appear whole or not at all."""

import os
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

"""Small files that are there whole or not at all."""

import os
from pathlib import Path


def write_durably(path: Path, text: str) -> None:
    """Write beside the target, flush to disk, rename."""
    unfinished = path.with_name(path.name + ".tmp")
    with unfinished.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)

"""Checkpoints that appear whole or not at all.

Lightning stages a checkpoint in the temporary directory and copies it where that is another file
system, so a kill in between leaves half a file over a good one; and it passes over permission
errors in silence.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, flushes to disk, renames; any failure is an error."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        """Save atomically."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            Path(unfinished).chmod(0o666 & ~_umask())  # mkstemp gives a file to its owner alone
            Path(unfinished).replace(target)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
        flush_folder(target.parent)


def flush_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current

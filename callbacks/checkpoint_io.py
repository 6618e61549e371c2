"""Checkpoints that appear whole or not at all.

Lightning stages a checkpoint in the temporary directory and copies it where that is another file
system, so a kill in between leaves half a file over a good one; and it passes over permission
errors in silence.
"""

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

_SUFFIX = ".ckpt.tmp"
_NOT_OFFERED = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK}


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, flushes to disk, renames; any failure is an error."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        """Save atomically."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=_SUFFIX)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                with _where_offered():
                    fcntl.flock(stream, fcntl.LOCK_EX)  # falls with the process: see remove_unfinished
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
                with contextlib.suppress(PermissionError):  # of a file system without owners
                    unfinished.chmod(0o666 & ~_umask())  # mkstemp gives a file to its owner alone
                unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        flush_folder(target.parent)


def remove_unfinished(folder: Path) -> list[Path]:
    """Remove what killed saves have left behind, but nothing that is being written at the moment."""
    return [path for path in sorted(folder.glob(f".*{_SUFFIX}")) if _is_abandoned(path)]


def _is_abandoned(path: Path) -> bool:
    """Remove a file unless somebody holds its lock; whether it was removed."""
    try:
        with path.open("rb+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except OSError:  # it is being written, has just been renamed, or is not ours
        return False
    return True


@contextlib.contextmanager
def _where_offered() -> Iterator[None]:
    """Do without what a file system has not: network ones may know no locks and flush no folders."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise


def flush_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with _where_offered():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current

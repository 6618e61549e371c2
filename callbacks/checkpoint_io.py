"""Checkpoints that appear whole or not at all.

Lightning writes a checkpoint to the temporary directory. Where that is another file system, it copies the
file, so that a kill replaces a good file by half of one. It also ignores permission errors.
"""

import contextlib
import errno
import fcntl
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from typing_extensions import override

from durable_files import flush_to_disk, replacing
from models.weights import DivergedError, are_numbers

_SUFFIX = ".ckpt.tmp"
_NOT_SUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK}


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, flushes to disk, renames; any failure is an error."""

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        if not are_numbers(checkpoint.get("state_dict", {}).values()):
            raise DivergedError(f"{path} is not written: the weights are no numbers")
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.{secrets.token_hex(8)}{_SUFFIX}")
        with replacing(target, unfinished) as stream:
            with _where_supported():
                fcntl.flock(stream, fcntl.LOCK_EX)  # ends with the process: see remove_unfinished
            _save(checkpoint, stream)
        with _where_supported():
            flush_to_disk(target.parent)  # the rename survives a power cut


def _save(checkpoint: dict[str, Any], stream: BinaryIO) -> None:
    """Write a checkpoint; torch wraps the system's error, which is raised instead."""
    try:
        torch.save(checkpoint, stream)
    except RuntimeError as error:
        reason: BaseException | None = error
        while reason is not None and not isinstance(reason, OSError):
            reason = reason.__cause__ or reason.__context__
        raise OSError(errno.EIO, _first_line(error)) if reason is None else reason from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]


def remove_unfinished(folder: Path) -> list[Path]:
    """Remove files that killed saves have left behind, but none that a process is writing; list them."""
    return [path for path in sorted(folder.glob(f".*{_SUFFIX}")) if _remove_abandoned(path)]


def _remove_abandoned(path: Path) -> bool:
    """Remove a file unless a process holds its lock; return whether it was removed."""
    try:
        with path.open("rb+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except OSError:  # it is being written, has just been renamed, or belongs to another user
        return False
    return True


@contextlib.contextmanager
def _where_supported() -> Iterator[None]:
    """Ignore that a file system lacks an operation: network ones may lack locks and flushing of folders."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise

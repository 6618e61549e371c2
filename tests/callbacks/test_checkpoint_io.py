"""A checkpoint is written whole or not at all."""

import errno
import fcntl
import os
import stat

import pytest
import torch

from callbacks.checkpoint_io import DurableCheckpointIO


class InterruptedSaveError(Exception):
    """Stands for a kill in the middle of writing."""


def test_what_is_saved_is_loaded(tmp_path):
    io = DurableCheckpointIO()
    io.save_checkpoint({"weights": torch.arange(3)}, tmp_path / "deep" / "a.ckpt")
    assert torch.equal(
        io.load_checkpoint(tmp_path / "deep" / "a.ckpt", weights_only=True)["weights"], torch.arange(3)
    )


def test_an_interrupted_save_leaves_the_old_checkpoint_and_no_other_file(tmp_path, monkeypatch):
    io = DurableCheckpointIO()
    path = tmp_path / "a.ckpt"
    io.save_checkpoint({"epoch": 1}, path)

    def interrupted_save(_, stream):
        stream.write(b"half")
        raise InterruptedSaveError

    monkeypatch.setattr(torch, "save", interrupted_save)
    with pytest.raises(InterruptedSaveError):
        io.save_checkpoint({"epoch": 2}, path)
    assert io.load_checkpoint(path, weights_only=True) == {"epoch": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.ckpt"]


def test_a_failed_save_is_an_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="file"):
        DurableCheckpointIO().save_checkpoint({}, tmp_path / "file" / "a.ckpt")


def test_a_file_system_without_locks_and_owners_keeps_checkpoints(tmp_path, monkeypatch):
    """Network shares and memory cards may lack locks, flushing of folders, and permissions."""

    def flush(descriptor, really=os.fsync):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        really(descriptor)

    def lock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    def chmod(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(fcntl, "flock", lock)
    monkeypatch.setattr(os, "chmod", chmod)
    DurableCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "a.ckpt")
    assert DurableCheckpointIO().load_checkpoint(tmp_path / "a.ckpt", weights_only=True) == {"epoch": 1}


def test_a_folder_that_cannot_be_flushed_because_the_disk_fails_is_an_error(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        DurableCheckpointIO().save_checkpoint({}, tmp_path / "a.ckpt")


def test_temporary_files_lie_beside_the_target(tmp_path, monkeypatch):
    """A rename is atomic only within one file system, and $TMPDIR may be another one."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    seen = []
    monkeypatch.setattr(torch, "save", lambda _, stream: seen.extend((tmp_path / "run").iterdir()))
    DurableCheckpointIO().save_checkpoint({}, tmp_path / "run" / "a.ckpt")
    assert [path.parent for path in seen] == [tmp_path / "run"]

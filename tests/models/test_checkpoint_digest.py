"""Checkpoints told apart by their content."""

import hashlib
import os
from pathlib import Path

from models import checkpoint_digest as module
from models.checkpoint_digest import checkpoint_digest


def test_it_is_that_of_the_content_alone(tmp_path):
    one, other = tmp_path / "last.ckpt", tmp_path / "copy.ckpt"
    one.write_bytes(b"weights")
    other.write_bytes(b"weights")
    assert checkpoint_digest(one) == hashlib.blake2b(b"weights", digest_size=32).hexdigest()
    assert checkpoint_digest(other) == checkpoint_digest(one)


def test_a_file_is_read_again_once_it_has_changed(tmp_path, monkeypatch):
    path, opened, opens = tmp_path / "last.ckpt", [], Path.open

    def open_counted(self, *arguments, **named):
        opened.append(self)
        return opens(self, *arguments, **named)

    monkeypatch.setattr(module.Path, "open", open_counted)
    path.write_bytes(b"one")
    opened.clear()
    first = checkpoint_digest(path)
    assert checkpoint_digest(path) == first
    assert len(opened) == 1
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert checkpoint_digest(path) != first

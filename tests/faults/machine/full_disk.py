"""A separate small disk, and a callback that fills it at a chosen moment."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lightning.pytorch import Callback


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of this size; skip the test where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Fill the disk that a folder lies on, but for some bytes."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    with filler.open("rb+") as stream:
        stream.truncate(max(0, filler.stat().st_size - leave))
    return filler


class FullDisk(Callback):
    """Fills a disk.

    Args:
        folder: where.
        moment: the hook in which it does.
        stage: what the Trainer does then.
        leave: the bytes that stay free.
    """

    def __init__(self, folder: str, moment: str, stage: str = "fit", leave: int = 0) -> None:
        self.folder, self.moment, self.stage, self.leave = Path(folder), moment, stage, leave

    def _reached(self, trainer, moment) -> None:
        if (moment, trainer.state.fn, trainer.sanity_checking) == (self.moment, self.stage, False):
            fill(self.folder, self.leave)

    def on_train_batch_end(self, trainer, *_) -> None:
        self._reached(trainer, "on_train_batch_end")

    def on_validation_start(self, trainer, *_) -> None:
        self._reached(trainer, "on_validation_start")

    def on_test_start(self, trainer, *_) -> None:
        self._reached(trainer, "on_test_start")

    def on_test_end(self, trainer, *_) -> None:
        self._reached(trainer, "on_test_end")

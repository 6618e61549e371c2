import errno
import logging
import multiprocessing
import pickle
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dataset_modules.batches.batch import Batch
from dataset_modules.cache.encoder_states import EncoderStateCache, IndexedBatch

NUM_SAMPLES = np.array([30, 10, 20, 40])


class Squares:
    """Frames of ten samples; each holds the clip's length, squared, three times."""

    width = 3

    def __init__(self, identity: str = "a", *, required: bool = False, log: Path | None = None) -> None:
        self.identity = identity
        self.required = required
        self.asked = 0
        self.log = log

    def fingerprint(self) -> str:
        return self.identity

    def num_frames(self, num_samples: NDArray[np.int64]) -> NDArray[np.int64]:
        return num_samples // 10

    def states(self, batch: Batch) -> list[NDArray[np.float32]]:
        self.asked += 1
        if self.log:
            with self.log.open("a") as stream:
                stream.write("asked\n")
        return [np.full((size // 10, 3), size**2, np.float32) for size in batch.num_samples]


def _batches() -> Iterator[IndexedBatch]:
    for indices in ([2, 0], [3, 1]):
        sizes = NUM_SAMPLES[indices]
        nothing = torch.zeros(len(indices), 0)
        yield indices, Batch(nothing, torch.from_numpy(sizes), nothing, nothing, ("", ""), num_samples=sizes)


def _open(root: Path, encoder: Squares, data: str = "d"):  # noqa: ANN202
    return EncoderStateCache(root, encoder).open_or_build("train", data, NUM_SAMPLES, _batches())


def _check(states) -> None:  # noqa: ANN001
    assert len(states) == 4
    for index, size in enumerate(NUM_SAMPLES):
        np.testing.assert_array_equal(states[index], np.full((size // 10, 3), size**2, np.float32))


def test_states_lie_at_their_clips_places(tmp_path: Path) -> None:
    states = _open(tmp_path, Squares())
    _check(states)
    _check(pickle.loads(pickle.dumps(states)))


def test_an_encoder_is_asked_once(tmp_path: Path) -> None:
    _open(tmp_path, Squares())
    again = Squares()
    _check(_open(tmp_path, again))
    assert again.asked == 0


@pytest.mark.parametrize(("identity", "data"), [("b", "d"), ("a", "e")])
def test_another_encoder_or_other_data_are_another_cache(tmp_path: Path, identity: str, data: str) -> None:
    _open(tmp_path, Squares())
    other = Squares(identity)
    _open(tmp_path, other, data)
    assert other.asked == 2


def _damage(folder: Path, how: str) -> None:
    path = folder / ("manifest.json" if how == "manifest" else "states.float32")
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    elif how == "changed":
        path.write_bytes(b"\1" + path.read_bytes()[1:])
    else:
        path.write_text("{}")


@pytest.mark.parametrize("how", ["missing", "cut", "changed", "manifest"])
def test_a_damaged_cache_is_computed_anew(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    _damage(_open(tmp_path, Squares()).folder, how)
    again = Squares()
    _check(_open(tmp_path, again))
    assert again.asked == 2
    assert "damaged" in caplog.text


class Killed(BaseException):
    """Simulate the end of the process."""


def test_a_shortage_of_open_files_leaves_a_good_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _open(tmp_path, Squares())

    def exhausted(*_: object) -> str:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("dataset_modules.cache.encoder_states.first_fault", exhausted)
        with pytest.raises(OSError, match="Too many open files"):
            _open(tmp_path, Squares())
    again = Squares()
    _check(_open(tmp_path, again))
    assert again.asked == 0


def test_of_an_interrupted_build_nothing_is_read(tmp_path: Path) -> None:
    def breaking() -> Iterator[IndexedBatch]:
        yield next(_batches())
        raise Killed

    with pytest.raises(Killed):
        EncoderStateCache(tmp_path, Squares()).open_or_build("train", "d", NUM_SAMPLES, breaking())
    again = Squares()
    _check(_open(tmp_path, again))
    assert again.asked == 2
    assert not list(tmp_path.glob("*.incomplete"))


@pytest.mark.parametrize("required", [False, True])
def test_a_disk_that_is_full_meanwhile_costs_the_cache_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, required: bool
) -> None:
    def filling() -> Iterator[IndexedBatch]:
        yield next(_batches())
        raise OSError(28, "No space left on device")

    cache = EncoderStateCache(tmp_path, Squares(required=required))
    if required:
        with pytest.raises(OSError, match="No space left"):
            cache.open_or_build("train", "d", NUM_SAMPLES, filling())
    else:
        assert cache.open_or_build("train", "d", NUM_SAMPLES, filling()) is None
        assert "every epoch computes the frozen encoder: [Errno 28] No space left on device" in caplog.text
    assert not list(tmp_path.glob("*.incomplete"))  # and what was written is given back


def test_clips_that_are_left_out_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="2 clips of the split were not computed"):
        EncoderStateCache(tmp_path, Squares()).open_or_build("train", "d", NUM_SAMPLES, [next(_batches())])


def test_frames_of_another_number_are_noticed(tmp_path: Path) -> None:
    encoder = Squares()
    encoder.num_frames = lambda num_samples: num_samples // 10 + 1  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="clip 2 must have 3 frames of 3, it made"):
        _open(tmp_path, encoder)


Disk = namedtuple("Disk", "total used free")


@pytest.mark.parametrize(
    ("free", "required", "outcome"),
    [(200, False, None), (200, True, 4), (100, True, OSError), (300, False, 4)],
)
def test_the_disk_is_not_filled(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    free: int,
    required: bool,
    outcome: object,
) -> None:
    """Ten frames of three numbers are 120 bytes."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(1000, 0, free))
    encoder = Squares(required=required)
    if outcome is OSError:
        with pytest.raises(OSError, match="train would take"):
            _open(tmp_path, encoder)
        return
    with caplog.at_level(logging.INFO):
        states = _open(tmp_path, encoder)
    assert (states and len(states)) == outcome
    assert ("computing" if outcome else "would take") in caplog.text


def _open_in_process(root: Path, log: Path) -> None:
    _check(_open(root, Squares(log=log)))


def test_processes_that_start_together_compute_it_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    processes = [context.Process(target=_open_in_process, args=(tmp_path / "root", log)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert log.read_text() == 2 * "asked\n"

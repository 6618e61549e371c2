import pickle
from pathlib import Path

import numpy as np
import pytest

from dataset_modules.cache.clip_store import ROWS_PER_BATCH, ClipStore, ClipWriter, PreparedClip


def _clip(number: int) -> PreparedClip:
    samples = np.arange(number, number + 100 + number, dtype=np.int16)
    starts = (0.0, 0.25) if number % 2 else None
    return PreparedClip(f"clip-{number}", "ru", None, "да", ("d", "a"), starts, samples)


def _write(path: Path, numbers: range) -> Path:
    with ClipWriter(path) as writer:
        for number in numbers:
            writer.write(_clip(number))
    return path


def _same(first: PreparedClip, second: PreparedClip) -> bool:
    return first._asdict() | {"samples": 0} == second._asdict() | {"samples": 0} and np.array_equal(
        first.samples, second.samples
    )


def test_clips_come_back_as_written_over_blocks_and_files(tmp_path: Path) -> None:
    many = ROWS_PER_BATCH + 3
    store = ClipStore([_write(tmp_path / "a", range(many)), _write(tmp_path / "b", range(many, many + 5))])
    assert len(store) == many + 5
    assert all(_same(store[number], _clip(number)) for number in range(many + 5))
    assert store.num_samples().tolist() == [100 + number for number in range(many + 5)]
    assert list(store.phoneme_lists()) == [["d", "a"]] * (many + 5)


def test_pickling_carries_paths_and_not_audio(tmp_path: Path) -> None:
    store = ClipStore([_write(tmp_path / "a", range(300))])
    pickled = pickle.dumps(store)
    assert len(pickled) < 1000
    assert _same(pickle.loads(pickled)[7], _clip(7))


@pytest.mark.parametrize("files", [0, 1])
def test_an_empty_store_has_no_clips(tmp_path: Path, files: int) -> None:
    store = ClipStore([_write(tmp_path / "a", range(0))][:files])
    assert (len(store), store.num_samples().tolist(), list(store.phoneme_lists())) == (0, [], [])


def test_equal_clips_make_equal_bytes(tmp_path: Path) -> None:
    first, second = _write(tmp_path / "a", range(70)), _write(tmp_path / "b", range(70))
    assert first.read_bytes() == second.read_bytes()


def test_a_replaced_file_stays_readable_where_it_is_open(tmp_path: Path) -> None:
    path = _write(tmp_path / "a", range(3))
    store = ClipStore([path])
    path.unlink()
    assert _same(store[2], _clip(2))


def test_an_interrupted_file_does_not_open(tmp_path: Path) -> None:
    path = _write(tmp_path / "a", range(3))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises((OSError, ValueError)):
        ClipStore([path])

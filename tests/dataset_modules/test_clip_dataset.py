from pathlib import Path

import numpy as np
import pytest

from dataset_modules.augmentations import AugmentationPipeline
from dataset_modules.clip_dataset import ClipDataset
from dataset_modules.clip_store import ClipStore, ClipWriter, PreparedClip


def _store(path: Path, numbers: range) -> ClipStore:
    with ClipWriter(path) as writer:
        for number in numbers:
            samples = np.full(10 + number, 32767 // 2, dtype=np.int16)
            writer.write(PreparedClip(f"clip-{number}", None, None, None, ("a",), None, samples))
    return ClipStore([path])


@pytest.fixture
def stores(tmp_path: Path) -> list[ClipStore]:
    return [
        _store(tmp_path / "a", range(3)),
        _store(tmp_path / "b", range(0)),
        _store(tmp_path / "c", range(3, 5)),
    ]


def test_stores_follow_one_another(stores: list[ClipStore]) -> None:
    dataset = ClipDataset(stores, [[index] for index in range(5)], None, 16000)
    examples = [dataset[0, index] for index in range(len(dataset))]
    assert [example.id for example in examples] == [f"clip-{number}" for number in range(5)]
    assert [example.labels for example in examples] == [[number] for number in range(5)]
    assert (
        dataset.num_samples().tolist()
        == [len(example.waveform) for example in examples]
        == [10, 11, 12, 13, 14]
    )


def test_audio_comes_as_floats_between_minus_one_and_one(stores: list[ClipStore]) -> None:
    waveform = ClipDataset(stores, [[]] * 5, None, 16000)[0, 0].waveform
    assert waveform.dtype == np.float32
    np.testing.assert_allclose(waveform, 0.5, atol=1e-4)


def test_augmentation_hears_epoch_and_index(stores: list[ClipStore]) -> None:
    heard = []

    class Listener(AugmentationPipeline):
        def __call__(
            self, waveform: np.ndarray, sampling_rate: int, epoch: int, index: int, fits: object = None
        ) -> np.ndarray:
            heard.append((sampling_rate, epoch, index))
            return -waveform

    dataset = ClipDataset(stores, [[]] * 5, Listener([], seed=0), 8000)
    assert (dataset[2, 4].waveform < 0).all()
    assert heard == [(8000, 2, 4)]


def test_no_stores_are_no_clips() -> None:
    dataset = ClipDataset([], [], None, 16000)
    assert (len(dataset), dataset.num_samples().tolist()) == (0, [])

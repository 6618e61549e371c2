from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from audiomentations import AddGaussianNoise, Gain

from dataset_modules.augmentations import AugmentationPipeline, OwnTransforms, SpeedPerturbation
from dataset_modules.batches.clip_dataset import ClipDataset
from dataset_modules.cache.clip_store import ClipSelection, ClipStore, ClipWriter, PreparedClip


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
    dataset = ClipDataset(ClipSelection(stores), [[index] for index in range(5)], None, 16000)
    examples = [dataset[0, index] for index in range(len(dataset))]
    assert [example.id for example in examples] == [f"clip-{number}" for number in range(5)]
    assert [example.labels for example in examples] == [[number] for number in range(5)]
    assert (
        dataset.clips.num_samples().tolist()
        == [len(example.waveform) for example in examples]
        == [10, 11, 12, 13, 14]
    )


def test_audio_comes_as_floats_between_minus_one_and_one(stores: list[ClipStore]) -> None:
    waveform = ClipDataset(ClipSelection(stores), [[]] * 5, None, 16000)[0, 0].waveform
    assert waveform.dtype == np.float32
    np.testing.assert_allclose(waveform, 0.5, atol=1e-4)


def test_augmentation_gets_epoch_and_index(stores: list[ClipStore]) -> None:
    requests = []

    class Listener(AugmentationPipeline):
        def read(
            self,
            source: Callable[[], np.ndarray],
            sampling_rate: int,
            epoch: int,
            index: int,
            long_enough: object = None,
            dataset: int = 0,
        ) -> np.ndarray:
            requests.append((sampling_rate, epoch, index))
            return -source()

    dataset = ClipDataset(ClipSelection(stores), [[]] * 5, Listener([], seed=0), 8000)
    assert (dataset[2, 4].waveform < 0).all()
    assert requests == [(8000, 2, 4)]


def test_no_stores_are_no_clips() -> None:
    dataset = ClipDataset(ClipSelection([]), [], None, 16000)
    assert (len(dataset), dataset.clips.num_samples().tolist()) == (0, [])


def test_no_clip_becomes_too_short_for_its_labels(stores: list[ClipStore]) -> None:
    """The network of this test makes a frame of two samples; equal neighbours need a blank between them."""
    labels = [[1, 2, 3, 4], [1, 1, 1], [], [1, 2, 3, 4, 5, 6], [1]]
    faster = AugmentationPipeline([SpeedPerturbation([2.0])], seed=0)
    clips = ClipSelection(stores)
    dataset = ClipDataset(clips, labels, faster, 16000, num_frames=lambda samples: samples // 2)
    lengths = [len(dataset[0, index].waveform) for index in range(5)]
    # 10 to 14 samples: of the halves, 5 has frames for 2, 6 for 3, 7 for 3.
    assert lengths == [10, 11, 6, 13, 7]
    assert len(ClipDataset(clips, labels, faster, 16000)[0, 0].waveform) == 5


def test_a_batch_is_what_its_clips_are_one_by_one(stores: list[ClipStore]) -> None:
    pipeline = AugmentationPipeline([AddGaussianNoise(p=0.7), Gain(p=0.7)], seed=0)
    dataset = ClipDataset(ClipSelection(stores), [[]] * 5, pipeline, 16000)
    keys = [(1, index) for index in (3, 0, 4)]
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    together = dataset.__getitems__(keys)
    assert np.random.rand() == expected
    for key, example in zip(keys, together, strict=True):
        np.testing.assert_array_equal(dataset[key].waveform, example.waveform)


def test_a_clip_is_named_by_its_place(stores: list[ClipStore]) -> None:
    dataset = ClipDataset(ClipSelection(stores), [[]] * 5, None, 16000)
    assert [dataset.clips.id_of(index) for index in range(5)] == [f"clip-{number}" for number in range(5)]


def gain(decibels: float) -> Gain:
    return Gain(min_gain_db=decibels, max_gain_db=decibels, p=1.0)


def test_each_data_set_has_its_own_transforms_and_those_of_all(stores: list[ClipStore]) -> None:
    own = [OwnTransforms(), OwnTransforms(takes_shared=False), OwnTransforms([gain(-12.0)])]
    pipeline = AugmentationPipeline(
        [gain(-6.0)], seed=0, datasets=[*own, OwnTransforms([gain(-20.0)], takes_shared=False)]
    )
    clips = ClipSelection(stores)
    plain = ClipDataset(clips, [[]] * 5, None, 16000)
    mixed = ClipDataset(clips, [[]] * 5, pipeline, 16000, datasets=np.array([0, 1, 2, 3, 1]))
    for number, decibels in enumerate([-6.0, 0.0, -18.0, -20.0, 0.0]):
        expected = plain[0, number].waveform * 10 ** (decibels / 20)
        np.testing.assert_allclose(mixed[0, number].waveform, expected, rtol=1e-4, atol=1e-7)


def test_transforms_of_other_data_sets_change_nothing(stores: list[ClipStore]) -> None:
    """The draws of a clip are the same as without another data set's transforms."""
    noise, clips = AddGaussianNoise(p=0.7), ClipSelection(stores)
    alone = ClipDataset(clips, [[]] * 5, AugmentationPipeline([noise], seed=0), 16000)
    pipeline = AugmentationPipeline([noise], 0, datasets=[OwnTransforms(), OwnTransforms([gain(-3.0)])])
    mixed = ClipDataset(clips, [[]] * 5, pipeline, 16000, datasets=np.zeros(5, dtype=np.int64))
    for number in range(5):
        np.testing.assert_array_equal(alone[2, number].waveform, mixed[2, number].waveform)


def test_a_failure_in_a_data_sets_own_transform_is_counted_under_its_name(stores: list[ClipStore]) -> None:
    def broken(samples: object, sample_rate: int) -> object:
        raise ValueError("broken")

    pipeline = AugmentationPipeline([gain(-6.0)], 0, datasets=[OwnTransforms(), OwnTransforms([broken])])
    mixed = ClipDataset(ClipSelection(stores), [[]] * 5, pipeline, 16000, datasets=np.array([0, 1, 0, 0, 0]))
    for number in range(5):
        mixed[0, number]
    assert [(one.transform, one.times, one.indices) for one in pipeline.ledger.failures()] == [
        ("function", 1, (1,))
    ]

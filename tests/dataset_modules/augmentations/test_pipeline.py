import logging
import random

import numpy as np
import pytest
import torch
from audiomentations import AddGaussianNoise, Gain, OneOf, PolarityInversion, SomeOf
from audiomentations.core.transforms_interface import BaseWaveformTransform

from dataset_modules.augmentations import AugmentationPipeline, SpeedPerturbation, seeded

RATE = 16000
WAVEFORM = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)


class TorchNoise(BaseWaveformTransform):
    """As a user may write one who knows torch best."""

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        return samples + torch.randn(len(samples)).numpy()


class Failing(BaseWaveformTransform):
    """Writes into its input, then fails."""

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        samples[:] = 0
        raise RuntimeError("no sound card")


class Giving(BaseWaveformTransform):
    """Returns a fixed output."""

    def __init__(self, result: np.ndarray) -> None:
        super().__init__(p=1.0)
        self.result = result

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        return self.result


@pytest.fixture
def pipeline() -> AugmentationPipeline:
    return AugmentationPipeline([AddGaussianNoise(p=0.8), Gain(p=0.8), PolarityInversion(p=0.5)], seed=3)


def test_audio_is_a_function_of_seed_epoch_and_index_in_any_order(pipeline: AugmentationPipeline) -> None:
    keys = [(epoch, index) for epoch in range(3) for index in range(5)]
    forwards = {key: pipeline(WAVEFORM, RATE, *key) for key in keys}
    backwards = {key: pipeline(WAVEFORM, RATE, *key) for key in reversed(keys)}
    assert all(np.array_equal(forwards[key], backwards[key]) for key in keys)
    assert len({audio.tobytes() for audio in forwards.values()}) > 12  # a few clips draw no transform


def test_another_seed_gives_other_audio(pipeline: AugmentationPipeline) -> None:
    other = AugmentationPipeline(pipeline.transforms, seed=4)
    assert not all(
        np.array_equal(pipeline(WAVEFORM, RATE, 0, index), other(WAVEFORM, RATE, 0, index))
        for index in range(5)
    )


def test_torchs_draws_are_a_function_of_the_same() -> None:
    pipeline = AugmentationPipeline([TorchNoise(p=1.0)], seed=0)
    first = pipeline(WAVEFORM, RATE, 1, 2)
    torch.manual_seed(99)
    np.testing.assert_array_equal(first, pipeline(WAVEFORM, RATE, 1, 2))


@pytest.mark.parametrize("transform", [AddGaussianNoise(p=1.0), TorchNoise(p=1.0), Failing(p=1.0)])
def test_global_random_state_is_untouched(transform: BaseWaveformTransform) -> None:
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = (random.random(), np.random.rand(), torch.rand(1))
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    AugmentationPipeline([transform], seed=0)(WAVEFORM, RATE, 0, 0)
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected


def test_global_random_state_is_put_back_after_an_error() -> None:
    def draw_and_fail() -> None:
        with seeded(1, 2, 3):
            random.random()
            raise KeyError

    before = random.getstate()
    with pytest.raises(KeyError):
        draw_and_fail()
    assert random.getstate() == before


def test_transforms_are_applied_in_order() -> None:
    half, quarter = np.full(4, 0.5, dtype=np.float32), np.full(4, 0.25, dtype=np.float32)
    assert (
        AugmentationPipeline([Giving(half), Giving(quarter)], seed=0)(WAVEFORM, RATE, 0, 0).tolist()
        == [0.25] * 4
    )


def test_the_clip_given_is_not_written_to(pipeline: AugmentationPipeline) -> None:
    original = WAVEFORM.copy()
    for index in range(5):
        pipeline(WAVEFORM, RATE, 0, index)
    np.testing.assert_array_equal(WAVEFORM, original)


@pytest.mark.parametrize(
    "transform",
    [
        Failing(p=1.0),
        Giving(np.full(4, np.nan, dtype=np.float32)),
        Giving(np.zeros(0, dtype=np.float32)),
        Giving(np.zeros((1, 4), dtype=np.float32)),
    ],
    ids=["raises", "nan", "empty", "two dimensions"],
)
def test_a_failing_transform_leaves_the_clip_as_it_was(
    transform: BaseWaveformTransform, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = AugmentationPipeline([PolarityInversion(p=1.0), transform], seed=0)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(pipeline(WAVEFORM, RATE, 0, 17), WAVEFORM)
    assert pipeline.failures == 1
    assert "clip 17, left as it was (1 so far)" in caplog.text


def test_many_failures_are_counted_and_reported_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = AugmentationPipeline([Failing(p=1.0)], seed=0)
    with caplog.at_level(logging.WARNING):
        for index in range(100):
            pipeline(WAVEFORM, RATE, 0, index)
    assert pipeline.failures == 100
    assert len(caplog.records) == 7  # the 1st, 2nd, 4th … 64th


class Spoiling(BaseWaveformTransform):
    """Writes what is no audio into the array that it was given."""

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        samples[3] = np.inf
        return samples


@pytest.mark.parametrize("culprit", [Failing(p=1.0), Spoiling(p=1.0)], ids=["raises", "writes in place"])
def test_the_transform_that_failed_is_named(culprit: BaseWaveformTransform) -> None:
    pipeline = AugmentationPipeline([Gain(p=1.0), OneOf([culprit]), PolarityInversion(p=1.0)], seed=0)
    np.testing.assert_array_equal(pipeline(WAVEFORM, RATE, 0, 17), WAVEFORM)
    (failure,) = pipeline.ledger.failures()
    assert failure == (f"OneOf({type(culprit).__name__})", 1, (17,))


def test_nested_transforms_draw_from_the_same_numbers() -> None:
    nested = [SomeOf((1, None), [Gain(p=0.5), OneOf([AddGaussianNoise(p=1.0), PolarityInversion(p=1.0)])])]
    pipeline = AugmentationPipeline(nested, seed=3)
    first = [pipeline(WAVEFORM, RATE, 0, index) for index in range(6)]
    random.seed(99)
    np.random.seed(99)
    for index in reversed(range(6)):
        np.testing.assert_array_equal(pipeline(WAVEFORM, RATE, 0, index), first[index])
    assert len({audio.tobytes() for audio in first}) > 3


def test_what_makes_a_clip_too_short_for_its_labels_is_left_out_alone() -> None:
    pipeline = AugmentationPipeline([SpeedPerturbation([1.1]), PolarityInversion(p=1.0)], seed=0)
    assert len(pipeline(WAVEFORM, RATE, 0, 0)) == round(RATE / 1.1)
    kept = pipeline(WAVEFORM, RATE, 0, 0, long_enough=lambda samples: samples >= RATE)
    np.testing.assert_array_equal(kept, -WAVEFORM)
    assert pipeline.failures == 0


def test_warming_up_changes_no_random_state_and_no_transform() -> None:
    transform = AddGaussianNoise(p=0.25)
    pipeline = AugmentationPipeline([OneOf([transform]), Failing(p=0.5)], seed=0)
    random.seed(1)
    np.random.seed(1)
    expected = (random.random(), np.random.rand())
    random.seed(1)
    np.random.seed(1)
    pipeline.warm_up(RATE)
    assert (random.random(), np.random.rand()) == expected
    assert (transform.p, transform.parameters) == (0.25, {"should_apply": None})
    assert pipeline.failures == 0

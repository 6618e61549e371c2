import logging
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from audiomentations import AddGaussianNoise, Gain, PolarityInversion
from audiomentations.core.transforms_interface import BaseWaveformTransform

from dataset_modules.augmentations import AddBackgroundNoiseWrapper, AugmentationPipeline, noise_files, seeded

RATE = 16000
WAVEFORM = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)
CATEGORIES = {
    "1-1-A-0.wav": "dog",
    "1-2-A-20.wav": "crying_baby",
    "1-3-A-9.wav": "crow",
    "1-4-A-24.wav": "coughing",
}


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
    """Gives what it was told to give."""

    def __init__(self, result: np.ndarray) -> None:
        super().__init__(p=1.0)
        self.result = result

    def apply(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        return self.result


@pytest.fixture
def pipeline() -> AugmentationPipeline:
    return AugmentationPipeline([AddGaussianNoise(p=0.8), Gain(p=0.8), PolarityInversion(p=0.5)], seed=3)


@pytest.fixture
def esc50(tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
    for name in CATEGORIES:
        write_tone(tmp_path / "ESC-50" / "audio" / name, seconds=1.0)
    rows = "".join(f"{name},1,0,{category},False,0,A\n" for name, category in CATEGORIES.items())
    (tmp_path / "ESC-50" / "meta").mkdir()
    header = "filename,fold,target,category,esc10,src_file,take\n"
    (tmp_path / "ESC-50" / "meta" / "esc50.csv").write_text(header + rows)
    return tmp_path / "ESC-50"


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


def test_voice_like_classes_of_esc50_are_left_out(esc50: Path) -> None:
    assert [path.name for path in noise_files(esc50)] == ["1-1-A-0.wav", "1-3-A-9.wav"]


def test_files_that_the_category_file_lists_but_the_folder_lacks_are_left_out(esc50: Path) -> None:
    (esc50 / "audio" / "1-1-A-0.wav").unlink()
    assert [path.name for path in noise_files(esc50)] == ["1-3-A-9.wav"]


def test_any_other_folder_gives_all_its_audio_at_any_depth(
    tmp_path: Path, write_tone: Callable[..., Path]
) -> None:
    (tmp_path / "readme.txt").write_text("noises")
    expected = [write_tone(tmp_path / "a" / "b" / "deep.flac"), write_tone(tmp_path / "top.WAV")]
    assert noise_files(tmp_path) == expected


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_noises_is_one_clear_error(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ValueError, match="AddBackgroundNoiseWrapper: sounds_path must"):
        AddBackgroundNoiseWrapper(tmp_path / folder)


def test_noise_is_added_at_the_asked_for_level(esc50: Path) -> None:
    wrapper = AddBackgroundNoiseWrapper(esc50, min_snr_db=10, max_snr_db=10, p=1.0)
    noisy = AugmentationPipeline([wrapper], seed=0)(WAVEFORM, RATE, 0, 0)
    noise = noisy - WAVEFORM
    snr_db = 10 * np.log10(np.mean(WAVEFORM**2) / np.mean(noise**2))
    assert snr_db == pytest.approx(10, abs=0.1)

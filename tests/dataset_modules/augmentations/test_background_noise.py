from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dataset_modules.augmentations import AddBackgroundNoiseWrapper, AugmentationPipeline, noise_files
from dataset_modules.augmentations.sound_store import SoundStore

RATE = 16000
WAVEFORM = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)


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


def test_other_classes_may_be_left_out_instead(esc50: Path) -> None:
    assert [path.name for path in noise_files(esc50, ["dog"])] == [
        "1-2-A-20.wav",
        "1-3-A-9.wav",
        "1-4-A-24.wav",
    ]
    assert len(noise_files(esc50, [])) == 4


def test_a_class_that_esc50_does_not_have_is_refused(esc50: Path) -> None:
    with pytest.raises(ValueError, match="exclude_categories .* 'dogs'; nearest: dog"):
        AddBackgroundNoiseWrapper(esc50, exclude_categories=["dogs"])


def test_classes_need_a_category_file(esc50: Path) -> None:
    with pytest.raises(ValueError, match="exclude_categories needs"):
        AddBackgroundNoiseWrapper(esc50 / "audio", exclude_categories=["dog"])


@pytest.mark.parametrize("prepared", [False, True])
def test_levels_fill_the_range_and_do_not_leave_it(sounds: Path, prepared: bool) -> None:
    pipeline = AugmentationPipeline([AddBackgroundNoiseWrapper(sounds / "noises", 8.0, 20.0, 1.0)], seed=0)
    if prepared:
        store = SoundStore(sounds / "cache", RATE)
        store.prepare(pipeline.sound_files())
        pipeline.read_sounds_from(store.copies(pipeline.sound_files()))
    noises = [pipeline(WAVEFORM, RATE, 0, index) - WAVEFORM for index in range(60)]
    snr_db = [10 * np.log10(np.mean(WAVEFORM**2) / np.mean(noise**2)) for noise in noises]
    assert 7.9 < min(snr_db) < 9.5
    assert 18.5 < max(snr_db) < 20.1
    assert np.mean(snr_db) == pytest.approx(14.0, abs=1.5)

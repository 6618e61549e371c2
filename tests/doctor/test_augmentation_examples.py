"""Examples equal the clips of training; spectrograms and WAV files show them unchanged."""

import io

import numpy as np
import pytest
import soundfile
from audiomentations import AddGaussianNoise, Gain
from audiomentations.core.transforms_interface import BaseWaveformTransform

from dataset_modules.augmentations import AugmentationPipeline
from dataset_modules.batches.clip_dataset import ClipDataset
from dataset_modules.cache.clip_store import ClipSelection
from doctor.augmentation_examples import augmentation_examples, log_energy, spectrogram, wav

RATE = 16000


class Broken(BaseWaveformTransform):
    def apply(self, samples, sample_rate):
        raise RuntimeError("no")


def clips(number):
    generator = np.random.default_rng(0)
    return [(f"clip{n}", generator.integers(-9000, 9000, 3200), "ab") for n in range(number)]


def dataset(store, augment):
    return ClipDataset(ClipSelection([store]), [[1]] * len(store), augment, RATE)


@pytest.fixture
def noisy():
    return AugmentationPipeline([AddGaussianNoise(min_amplitude=0.01, max_amplitude=0.02, p=0.7)], seed=7)


def test_examples_are_the_draws_of_the_first_epoch(store_of, noisy):
    # One clip of each store is left out: places in training differ from places in the store.
    stores = [store_of(*clips(6)), store_of(*clips(11)[6:])]
    selection = ClipSelection(stores, [np.array([0, 1, 2, 4, 5]), np.array([0, 2, 3, 4])])
    trained_on = ClipDataset(selection, [[1]] * 9, noisy, RATE)
    examples = augmentation_examples(trained_on, 20, seed=1)
    assert [example.id for example in examples] == [f"clip{n}" for n in range(11) if n not in (3, 7)]
    for index, example in enumerate(examples):
        assert np.array_equal(example.after, trained_on[(0, index)].waveform)
    changed = [not np.array_equal(example.before, example.after) for example in examples]
    assert 0 < sum(changed) < 9
    for example, was_changed in zip(examples, changed, strict=True):
        assert ("left this clip unchanged" in example.remark) == (not was_changed)


def test_the_seed_chooses_the_clips(store_of, noisy):
    train = dataset(store_of(*clips(30)), noisy)
    chosen = [[example.id for example in augmentation_examples(train, 4, seed)] for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(chosen[0]) == 4


def test_a_failing_transform_is_remarked(store_of):
    (example,) = augmentation_examples(
        dataset(store_of(*clips(1)), AugmentationPipeline([Broken(p=1.0)], 0)), 1, 0
    )
    assert "failed" in example.remark


def test_without_augmentations_both_waveforms_are_equal(store_of):
    (example,) = augmentation_examples(dataset(store_of(*clips(1)), None), 1, 0)
    assert np.array_equal(example.before, example.after)
    assert example.remark == "No augmentations are configured."


def test_audio_above_full_scale_is_scaled_and_not_clipped(store_of):
    loud = AugmentationPipeline([Gain(min_gain_db=20, max_gain_db=20, p=1.0)], 0)
    (example,) = augmentation_examples(dataset(store_of(*clips(1)), loud), 1, 0)
    played, rate = soundfile.read(io.BytesIO(example.after_wav))
    assert rate == RATE
    assert "quieter" in example.remark
    assert np.allclose(played * np.abs(example.after).max(), example.after, atol=1e-3)


def test_a_wav_file_holds_the_samples():
    waveform = np.array([0.0, 0.5, -0.25], dtype=np.float32)
    assert soundfile.read(io.BytesIO(wav(waveform, 8000)))[0].tolist() == [0.0, 0.5, -0.25]


@pytest.mark.parametrize("hertz", [500, 2000, 6000])
def test_a_tone_is_loudest_at_its_frequency(hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    energy = log_energy(tone, RATE)
    peaks = energy.argmax(axis=0) * RATE / 400
    assert np.all(np.abs(peaks - hertz) <= 40)
    assert energy.max() == 0.0
    assert energy.min() >= -80.0


@pytest.mark.parametrize("size", [1, 399, 400, 800, 16000 * 60])
def test_a_spectrogram_of_any_length_has_a_bounded_size(size):
    energy = log_energy(np.ones(size, dtype=np.float32), RATE)
    assert 1 <= energy.shape[1] <= 401


def test_a_spectrogram_is_embedded_in_the_report():
    picture = spectrogram(np.ones(4000, dtype=np.float32), RATE, "before")
    assert "data:image/png;base64," in picture
    assert 'aria-label="Spectrogram before augmentation, 0.25 s"' in picture

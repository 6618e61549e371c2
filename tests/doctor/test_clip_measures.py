"""Levels, clipping and identity of a clip, worked out by hand or on synthetic signals."""

import io

import numpy as np
import pytest
import soundfile

from dataset_modules.sources.audio import to_pcm16
from doctor.clip_measures import clipped, content_numbers, decibels, measure

TIMES = np.arange(32000) / 16000


def noise(seed=0, size=32000, level=0.1):
    return level * np.random.default_rng(seed).normal(size=size)


def numbers(waveform):
    return content_numbers(to_pcm16(np.asarray(waveform, dtype=np.float32)).astype(np.int32))


def test_levels_of_a_square_wave_are_its_height():
    wave = np.array([8192, -8192] * 50, dtype=np.int16)
    measures = measure(wave)
    assert measures.peak == pytest.approx(0.25, rel=1e-3)
    assert measures.rms == pytest.approx(0.25, rel=1e-3)


def test_the_lowest_16_bit_number_is_full_scale():
    assert measure(np.array([-32768, 0], dtype=np.int16)).peak == 1.0


def test_empty_audio_is_silent():
    assert measure(np.zeros(0, dtype=np.int16))[:3] == (0.0, 0.0, 0.0)
    assert decibels(measure(np.zeros(9, dtype=np.int16)).rms) < -96


@pytest.mark.parametrize("hertz", [50, 200, 3000])
@pytest.mark.parametrize("level", [0.3, 0.99, 1.0])
def test_a_pure_tone_is_hardly_clipped(hertz, level):
    tone = to_pcm16((level * np.sin(2 * np.pi * hertz * TIMES)).astype(np.float32))
    assert measure(tone).clipped_share < 0.001


@pytest.mark.parametrize("gain", [1.0, 0.4])
def test_a_clipped_wave_is_found_after_its_level_is_reduced(gain):
    wave = gain * np.clip(4 * np.sin(2 * np.pi * 150 * TIMES), -1, 1)
    assert measure(to_pcm16(wave.astype(np.float32))).clipped_share > 0.5


def test_speech_like_noise_and_coarse_whispers_are_not_clipped():
    assert measure(to_pcm16(noise().astype(np.float32))).clipped_share == 0.0
    whisper = np.repeat([0, 1, 1, 1, 1, 0], 50).astype(np.int16) * 200
    assert measure(whisper).clipped_share == 0.0


def test_two_samples_at_full_scale_are_a_peak_and_three_are_a_plateau():
    two = np.array([0, 32767, 32767, 0, 0, 0], dtype=np.int32)
    three = np.array([0, 32767, 32767, 32767, 0, 0], dtype=np.int32)
    assert clipped(two, 32767).sum() == 0
    assert clipped(three, 32767).sum() == 3


@pytest.mark.parametrize("container", ["FLAC", "WAV"])
def test_another_lossless_encoding_is_the_same_recording(container):
    for seed in range(30):
        wave = noise(seed).astype(np.float32)
        stream = io.BytesIO()
        soundfile.write(stream, wave, 16000, format=container)
        stream.seek(0)
        again = soundfile.read(stream, dtype="float32")[0]
        shared = [left == right for left, right in zip(numbers(wave), numbers(again), strict=True)]
        assert any(shared), seed


def test_one_step_of_difference_in_every_sample_is_the_same_recording():
    generator = np.random.default_rng(5)
    for seed in range(30):
        wave = to_pcm16(noise(seed, level=0.02).astype(np.float32)).astype(np.int32)
        moved = wave + generator.integers(-1, 2, len(wave))
        assert set(content_numbers(wave)) & set(content_numbers(moved)), seed


def test_other_recordings_have_other_numbers():
    waves = [noise(seed) for seed in range(200)]
    waves += [noise(seed, size=160000) for seed in range(30)]
    waves += [noise(seed, size=4000) for seed in range(100)]
    waves += [0.3 * np.sin(2 * np.pi * hertz * TIMES) for hertz in range(100, 1000, 100)]
    waves += [waves[0][:-1], 2 * waves[0]]
    for position in range(2):
        assert len({numbers(wave)[position] for wave in waves}) == len(waves)

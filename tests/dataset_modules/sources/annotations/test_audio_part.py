"""Parts of a file: the samples of a cut, however the file is read, and the file decoded once."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations import audio_part
from dataset_modules.sources.annotations.audio_part import AudioPart
from dataset_modules.sources.audio import read_file

RATE = 22050


@pytest.fixture
def samples() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, RATE * 12).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_part_equals_a_cut_of_the_decoded_file(tmp_path, samples, suffix, channels):
    path = tmp_path / f"long.{suffix}"
    soundfile.write(path, samples if channels == 1 else np.stack([samples, -samples], axis=1), RATE)
    whole = read_file(path).waveform
    for start, end in [(0.5, 1.0), (1.0, 3.25), (2.0, 2.5), (9.0, 11.123456), (0.25, 0.75), (7.0, None)]:
        clip = AudioPart(path, start, end).read()
        expected = whole[round(start * RATE) : None if end is None else round(end * RATE)]
        assert clip.sampling_rate == RATE
        assert np.array_equal(clip.waveform, expected), (start, end)


def test_parts_in_order_decode_a_compressed_file_once(tmp_path, samples, monkeypatch):
    path = tmp_path / "long.ogg"
    soundfile.write(path, samples, RATE)
    decoded = []
    read = audio_part._ForwardStream.read
    monkeypatch.setattr(
        audio_part._ForwardStream,
        "read",
        lambda self, frames, **options: decoded.append(frames) or read(self, frames, **options),
    )
    for second in range(11):
        AudioPart(path, second, second + 1).read()
    assert sum(decoded) == RATE * 11


@pytest.mark.parametrize(("start", "end"), [(11.0, 12.5), (13.0, None), (13.0, 14.0)])
@pytest.mark.parametrize("suffix", ["wav", "ogg"])
def test_times_outside_the_recording_are_named(tmp_path, samples, suffix, start, end):
    path = tmp_path / f"long.{suffix}"
    soundfile.write(path, samples, RATE)
    with pytest.raises(AudioError, match="must lie inside the recording, which lasts 12.000 s"):
        AudioPart(path, start, end).read()


def test_times_rounded_beyond_the_end_are_taken(tmp_path, samples):
    path = tmp_path / "long.wav"
    soundfile.write(path, samples, RATE)
    assert len(AudioPart(path, 11.0, 12.01).read().waveform) == RATE


def test_a_forked_process_reads_its_own_file(tmp_path, samples):
    path = tmp_path / "long.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    AudioPart(path, 0.0, 1.0).read()
    child = os.fork()
    if child == 0:
        AudioPart(path, 5.0, 9.0).read()
        os._exit(0)
    os.waitpid(child, 0)
    assert np.array_equal(AudioPart(path, 1.0, 2.0).read().waveform, samples[RATE : 2 * RATE])


def test_a_changed_file_is_read_again_and_a_missing_one_named(tmp_path, samples):
    path = tmp_path / "long.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    first = AudioPart(path, 0.0, 1.0)
    stamp = first.fingerprint()
    first.read()
    soundfile.write(path, samples[::-1][: RATE * 5], RATE, subtype="FLOAT")
    assert first.fingerprint() != stamp
    assert np.array_equal(first.read().waveform, samples[::-1][:RATE])
    path.unlink()
    with pytest.raises(AudioError, match="no such file"):
        first.read()


def test_a_file_that_is_no_audio_is_named(tmp_path):
    path = Path(tmp_path / "bad.wav")
    path.write_bytes(b"no audio at all")
    with pytest.raises(AudioError, match=r"bad\.wav: cannot be decoded"):
        AudioPart(path, 0.0, 1.0).read()

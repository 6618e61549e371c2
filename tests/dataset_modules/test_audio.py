from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dataset_modules.audio import from_pcm16, read_clip, read_file, resample, to_mono, to_pcm16
from dataset_modules.recording import AudioError, Clip


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_formats_of_libsndfile_are_read(tmp_path: Path, write_tone: Callable[..., Path], suffix: str) -> None:
    clip = read_file(write_tone(tmp_path / f"tone{suffix}", seconds=0.5))
    assert clip.sampling_rate == 16000
    assert len(clip.waveform) == pytest.approx(8000, rel=0.2)  # lossy codecs pad
    assert np.abs(clip.waveform).max() == pytest.approx(0.3, abs=0.05)


def test_channels_stay_apart_until_mixed_down(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    waveform = read_file(write_tone(tmp_path / "eight.wav", channels=8)).waveform
    assert waveform.shape == (8000, 8)
    np.testing.assert_allclose(to_mono(waveform), waveform[:, 0], atol=1e-6)


def test_resampling_keeps_a_tone_and_its_length() -> None:
    times = np.arange(96000) / 96000
    resampled = resample(np.sin(2 * np.pi * 440 * times).astype(np.float32), 96000, 16000)
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert len(resampled) == 16000
    np.testing.assert_allclose(resampled[500:-500], expected[500:-500], atol=1e-3)


def test_the_same_rate_is_left_alone() -> None:
    waveform = np.ones(10, dtype=np.float32)
    assert resample(waveform, 16000, 16000) is waveform


def test_pcm_round_trip_errs_by_half_a_step_at_most() -> None:
    waveform = np.linspace(-1, 1, 1001, dtype=np.float32)
    np.testing.assert_allclose(from_pcm16(to_pcm16(waveform)), waveform, atol=0.5 / 32767 + 1e-7)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "no such file"), (b"", "the file is empty"), (b"RIFF but not really", "cannot be decoded")],
)
def test_files_without_audio_are_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=rf"bad\.wav: {complaint}"):
        read_file(path)


def test_headerless_audio_cannot_be_decoded(tmp_path: Path) -> None:
    (tmp_path / "bare.raw").write_bytes(bytes(100))
    with pytest.raises(AudioError, match=r"bare\.raw: cannot be decoded"):
        read_file(tmp_path / "bare.raw")


def test_an_mp3_whose_end_is_missing_is_refused(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    path = write_tone(tmp_path / "tone.mp3", seconds=3.0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match=r"tone\.mp3: the file is cut: 1\.\d+ of 3\.0"):
        read_file(path)
    path.write_bytes(content[:-50])  # a frame or so
    assert len(read_file(path).waveform) == pytest.approx(48000, rel=0.1)


@pytest.mark.parametrize("name", ["a\0.wav", "x" * 300 + ".wav", "folder", "loop.wav"])
def test_what_the_file_system_refuses_is_no_audio(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    with pytest.raises(AudioError, match="no such file|cannot be decoded"):
        read_file(tmp_path / name)


def test_a_file_that_may_not_be_looked_at_is_no_audio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(AudioError, match="cannot be decoded: .*Permission denied"):
        read_file(tmp_path / "a.wav")


def test_sources_are_asked() -> None:
    clip = Clip(np.zeros(3, dtype=np.float32), 8000)

    class Source:
        def fingerprint(self) -> str:
            return "three zeros"

        def read(self) -> Clip:
            return clip

    assert read_clip(Source()) is clip


def test_written_float_audio_is_read_unchanged(tmp_path: Path) -> None:
    waveform = np.random.default_rng(0).uniform(-1, 1, 100).astype(np.float32)
    soundfile.write(tmp_path / "float.wav", waveform, 16000, subtype="FLOAT")
    np.testing.assert_array_equal(read_file(tmp_path / "float.wav").waveform, waveform)

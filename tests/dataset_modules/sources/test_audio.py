import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dataset_modules.recording import AudioError, Clip
from dataset_modules.sources.audio import (
    from_pcm16,
    read_clip,
    read_file,
    resample,
    to_mono,
    to_pcm16,
)


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


def _mp3_with_an_estimated_length(path: Path, seconds: float) -> Path:
    """Its first frames are small and there is no header, so that it is taken for several times as long."""
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * 16000))
    noise[:8000] = 0
    soundfile.write(path, noise, 16000, bitrate_mode="VARIABLE", compression_level=0.3)
    content = path.read_bytes()
    path.write_bytes(content[content.index(b"\xff\xf3", 4) :])
    with soundfile.SoundFile(path) as stream:
        assert stream.frames / stream.samplerate > 3 * seconds
    return path


def _flac_without_a_length(path: Path, seconds: float) -> Path:
    """As encoders write it to a pipe: its header counts no samples."""
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, round(seconds * 16000)), 16000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    return path


_WRITERS = {"a.mp3": _mp3_with_an_estimated_length, "a.flac": _flac_without_a_length}


@pytest.mark.parametrize("name", _WRITERS)
@pytest.mark.parametrize("max_seconds", [30.0, 10.5, None])
def test_a_recording_is_judged_by_its_length_not_by_a_guess_of_it(
    tmp_path: Path, name: str, max_seconds: float | None
) -> None:
    path = _WRITERS[name](tmp_path / name, seconds=10.0)
    clip = read_file(path, max_seconds)
    assert len(clip.waveform) / clip.sampling_rate == pytest.approx(10.0, abs=0.1)
    np.testing.assert_array_equal(
        read_file(io.BytesIO(path.read_bytes()), max_seconds).waveform, clip.waveform
    )


@pytest.mark.parametrize("name", _WRITERS)
def test_what_is_too_long_is_not_decoded_to_its_end(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _WRITERS[name](tmp_path / name, seconds=60.0)
    read: list[int] = []
    original = soundfile.SoundFile.read

    def counted(stream: soundfile.SoundFile, frames: int = -1, **arguments: object) -> object:
        block = original(stream, frames, **arguments)
        read.append(len(block))
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    with pytest.raises(AudioError, match=r"must last max_seconds=5.0 at most, lasts longer"):
        read_file(path, 5.0)
    assert sum(read) < 20 * 16000


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_stated_length_is_refused_before_anything_is_decoded(
    tmp_path: Path, write_tone: Callable[..., Path], suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tone(tmp_path / f"tone{suffix}", seconds=3.0)
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(AudioError, match=r"must last max_seconds=1.0 at most, lasts 3\.\d+"):
        read_file(path, 1.0)


@pytest.mark.parametrize("content", [b"", b"RIFF but not really"])
def test_bytes_without_audio_are_refused(content: bytes) -> None:
    with pytest.raises(AudioError, match="cannot be decoded"):
        read_file(io.BytesIO(content))


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

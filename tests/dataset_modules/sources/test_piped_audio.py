"""One reader for training and transcription, also of what came through a pipe."""

import contextlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cli.starting.folder_survey import _length
from dataset_modules.recording import AudioError, Recording
from dataset_modules.sources.audio import opened, read_file
from inference.streaming.audio_stream import AudioFile

RATE, SECONDS = 16000, 12.0  # more than one block of either
UNKNOWN, GREATEST = b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"
# Where the containers state lengths, and what a program writes there that cannot go back in a pipe.
PIPED = {
    "ffmpeg.wav": [(4, UNKNOWN), (40, UNKNOWN)],
    "zero.wav": [(4, bytes(4)), (40, bytes(4))],
    "zero_samples.wav": [(40, bytes(4))],
    "sox.wav": [(4, GREATEST), (40, GREATEST)],
    "piped.au": [(8, UNKNOWN)],
    "piped.flac": [(21, b"\xf0"), (22, bytes(4))],
}


def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, round(SECONDS * RATE)).astype(np.float32)


def piped(path: Path) -> Path:
    soundfile.write(path, noise(), RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    for place, value in PIPED[path.name]:
        content[place : place + len(value)] = value
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", PIPED)
def test_what_came_through_a_pipe_is_whole(tmp_path: Path, name: str) -> None:
    path = piped(tmp_path / name)
    in_training = read_file(path).waveform
    transcribed = np.concatenate(list(AudioFile(path, "stdin").blocks(RATE)))
    np.testing.assert_allclose(in_training, noise(), atol=1e-4)
    np.testing.assert_array_equal(transcribed, in_training)


@pytest.mark.parametrize("name", PIPED)
def test_start_counts_the_seconds_of_what_came_through_a_pipe(tmp_path: Path, name: str) -> None:
    assert _length(Recording(name, piped(tmp_path / name))) == pytest.approx(SECONDS)


@pytest.mark.parametrize("after", [b"", b"LIST\x04\0\0\0INFO", b"LIST\x03\0\0\0abc\0"])
def test_a_recording_without_samples_stays_empty(tmp_path: Path, after: bytes) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, noise()[:0], RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes() + after)
    assert len(read_file(path).waveform) == 0
    assert len(read_file(BytesIO(path.read_bytes())).waveform) == 0


@pytest.mark.parametrize("end", [0, 3, 12, 20, 36, 42, 44, 45])
def test_a_header_that_is_cut_is_no_traceback(tmp_path: Path, end: int) -> None:
    path = piped(tmp_path / "zero.wav")
    path.write_bytes(path.read_bytes()[:end])
    with contextlib.suppress(AudioError):
        read_file(path)


def test_an_unstated_length_makes_no_progress_bar_of_centuries(tmp_path: Path) -> None:
    assert AudioFile(piped(tmp_path / "piped.flac"), "stdin").seconds() == 0.0
    assert AudioFile(piped(tmp_path / "piped.au"), "stdin").seconds() == pytest.approx(SECONDS)


FORMATS = sorted(set(soundfile.available_formats()) - {"RAW", "SD2", "XI"})  # those that write a plain file


@pytest.mark.parametrize("container", FORMATS)
def test_every_format_of_libsndfile_is_read_by_both(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"noise.{container.lower()}"
    soundfile.write(path, noise(), RATE, format=container)
    in_training = read_file(path)
    transcribed = np.concatenate(list(AudioFile(path, "noise").blocks(in_training.sampling_rate)))
    assert len(transcribed) == pytest.approx(len(noise()), rel=0.02)
    np.testing.assert_array_equal(transcribed, in_training.waveform)


def test_both_refuse_the_same(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    path = write_tone(tmp_path / "tone.mp3", seconds=3.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for read in (read_file, lambda path: list(AudioFile(path, str(path)).blocks(RATE))):
        with pytest.raises(AudioError, match=r"tone\.mp3: the file is cut: 1\.\d+ of 3\.0"):
            read(path)


def test_a_name_that_is_no_utf_8_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "noise\udcff.wav"
    soundfile.write(str(path).encode("utf-8", "surrogateescape"), noise(), RATE)
    with opened(path, "") as audio:
        assert audio.seconds == SECONDS

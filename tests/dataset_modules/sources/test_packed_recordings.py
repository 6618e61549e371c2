"""Recordings in little memory: the same as a list, and smaller."""

import tracemalloc
from pathlib import Path

import pytest

from dataset_modules.recording import Recording, UnusableAudio
from dataset_modules.sources.packed_recordings import PackedRecordings


def _recording(number):
    name = f"clips/{number:07d}.wav"
    phonemes = ("ʃ", "t", "a", "n", "j", "e", "ʎ")
    return Recording(name, Path("/data") / name, phonemes, speaker=f"s{number % 9}", attributes={"age": "20"})


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 700])
def test_they_are_read_as_a_list_is(count):
    recordings = [_recording(number) for number in range(count)]
    packed = PackedRecordings(recordings)
    assert len(packed) == count
    assert list(packed) == recordings
    assert packed[-3:] == recordings[-3:]
    assert [packed[place] for place in range(count)] == recordings


def test_a_place_outside_is_refused():
    with pytest.raises(IndexError):
        PackedRecordings([_recording(1)])[1]


def test_sources_that_are_no_files_are_kept():
    recordings = [Recording("a", UnusableAudio("broken", Path("a.wav")))] * 300
    assert list(PackedRecordings(recordings)) == recordings


def test_a_recording_takes_a_few_hundred_bytes():
    tracemalloc.start()
    packed = PackedRecordings(_recording(number) for number in range(5120))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(packed) == 5120
    assert size / 5120 < 400


@pytest.mark.parametrize("name", ["a.wav", "/a.wav", "a/b/c.wav", "../a.wav", ".", "a\udcff/b\n.wav", "a /b"])
def test_every_path_is_read_back_as_it_was(name):
    recordings = [Recording(str(number), Path(name)) for number in range(300)]
    assert list(PackedRecordings(recordings)) == recordings

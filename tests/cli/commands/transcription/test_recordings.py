"""Which recordings a command's arguments name."""

import logging
import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cli.commands.transcription.recordings import find_recordings
from experiment.errors import ConfigError


@pytest.fixture
def found_in(tmp_path):
    def found():
        with ExitStack() as stack:
            return find_recordings([str(tmp_path)], stack)

    return found


def test_hidden_files_and_folders_and_what_is_no_file_are_left_out(tmp_path, found_in):
    for name in ("a.wav", "._a.wav", ".trash/b.wav", "deep/c.flac", "folder.wav/d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert [str(one.result) for one in found_in()] == ["a", "deep/c", "folder.wav/d"]


def test_a_hidden_folder_that_is_named_is_looked_into(tmp_path):
    (tmp_path / ".mine").mkdir()
    (tmp_path / ".mine" / "a.wav").touch()
    with ExitStack() as stack:
        assert len(find_recordings([str(tmp_path / ".mine")], stack)) == 1


def test_other_files_are_counted_in_one_line(tmp_path, found_in, caplog):
    for name in ("a.wav", "b.m4a", "c.M4A", "notes.txt", "LICENSE", ".hidden"):
        (tmp_path / name).touch()
    with caplog.at_level(logging.INFO, logger="cli.commands.transcription.recordings"):
        assert len(found_in()) == 1
    (record,) = caplog.records
    assert record.message == f"transcribe: {tmp_path}: 4 other files passed over (.m4a .txt, no suffix)"


def test_label_files_are_no_other_files_where_labels_are_read(tmp_path, caplog):
    for name in ("a.wav", "a.TextGrid", "notes.md"):
        (tmp_path / name).touch()
    logger = "cli.commands.transcription.recordings"
    with ExitStack() as stack, caplog.at_level(logging.INFO, logger=logger):
        find_recordings([str(tmp_path)], stack, "align")
    assert caplog.messages == [f"align: {tmp_path}: 1 other file passed over (.md)"]


def test_a_folder_of_recordings_alone_has_nothing_to_say(tmp_path, found_in, caplog):
    (tmp_path / "a.wav").touch()
    with caplog.at_level(logging.INFO, logger="cli.commands.transcription.recordings"):
        found_in()
    assert not caplog.records


def test_a_folder_of_hidden_recordings_holds_none(tmp_path, found_in):
    (tmp_path / "._a.wav").touch()
    with pytest.raises(ConfigError, match="must hold recordings"):
        found_in()


def test_a_name_that_is_no_utf8_is_shown_with_a_replacement_and_can_be_read(tmp_path, found_in):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    soundfile.write(os.fsencode(path), np.zeros(1600, dtype=np.float32), 16000, format="WAV")
    (recording,) = found_in()
    assert recording.audio.name == f"{tmp_path}/caf\N{REPLACEMENT CHARACTER}.wav"
    assert recording.audio.path == path
    assert recording.audio.seconds() == pytest.approx(0.1)
    assert sum(map(len, recording.audio.blocks(16000))) == 1600

"""A report is given away: it contains only files of its experiment, and nothing that a viewer would run."""

import json
import os

import numpy as np
import pytest
import soundfile


def _name_audio(experiment, audio):
    path = experiment / "utterances_test.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**record, "audio": audio}) + "\n" for record in records))


@pytest.fixture
def private(tmp_path):
    path = tmp_path / "private.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
    return path


def _absolute(experiment, private):
    return str(private)


def _upwards(experiment, private):
    return "../../private.wav"


def _linked(experiment, private):
    (experiment / "audio_test" / "linked.wav").symlink_to(private)
    return "audio_test/linked.wav"


def _in_a_linked_folder(experiment, private):
    (experiment / "sounds").symlink_to(private.parent)
    return "sounds/private.wav"


def _pipe(experiment, private):
    os.mkfifo(experiment / "audio_test" / "pipe.wav")
    return "audio_test/pipe.wav"


def _folder(experiment, private):
    return "audio_test"


def _no_audio(experiment, private):
    return "config.yaml"


def _of_one_hertz(experiment, private):
    soundfile.write(experiment / "audio_test" / "slow.wav", np.zeros(16000), 1)
    return "audio_test/slow.wav"


def _not_a_number(experiment, private):
    soundfile.write(experiment / "audio_test" / "nan.wav", np.full(100, np.nan), 16000, subtype="FLOAT")
    return "audio_test/nan.wav"


def _odd_name(experiment, private):
    return "a\0b\n\x1b[2J"


NAMED = [_absolute, _upwards, _linked, _in_a_linked_folder, _pipe, _folder]
NAMED += [_no_audio, _of_one_hertz, _not_a_number, _odd_name]


@pytest.mark.parametrize("named", NAMED, ids=lambda function: function.__name__)
def test_no_other_file_is_embedded(experiment, private, run_done, named):
    _name_audio(experiment, named(experiment, private))
    written = run_done("report", "strange")
    page = (experiment / "report.html").read_text()
    assert "audio/mpeg" not in page
    assert "is left out" in written
    assert "\x1b" not in written


def test_audio_of_the_folder_is_embedded(experiment, run_done):
    run_done("report", "strange")
    assert "audio/mpeg" in (experiment / "report.html").read_text()


def test_a_link_to_the_experiment_is_no_way_out(experiment, run_done, tmp_path):
    (tmp_path / "elsewhere").symlink_to(experiment)
    run_done("report", tmp_path / "elsewhere")
    assert "audio/mpeg" in (experiment / "report.html").read_text()


def test_an_utterance_of_hours_is_not_drawn(experiment, run_done):
    path = experiment / "utterances_test.jsonl"
    record = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps({**record, "seconds": 86_000, "audio": None}) + "\n")
    run_done("report", "strange")
    assert (experiment / "report.html").stat().st_size < 1_000_000


def test_names_are_text_of_the_page(experiment, run_done):
    path = experiment / "utterances_test.jsonl"
    record = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps({**record, "id": "<script>alert(1)</script>\u202e"}) + "\n")
    run_done("report", "strange")
    assert "<script>" not in (experiment / "report.html").read_text()

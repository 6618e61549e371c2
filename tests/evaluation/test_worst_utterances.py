"""The choice of the worst utterances, and their audio."""

import numpy as np
import pytest
import soundfile

from evaluation.worst_utterances import LONGEST_SECONDS, NUMBER, keep_audio, worst_first


def test_the_worst_have_many_errors_for_their_length(noisy_records):
    clean = noisy_records(4, error_rate=0.0)
    one_slip = clean[0]._replace(hypothesis=clean[0].hypothesis[1:])
    ruined = clean[1]._replace(hypothesis=())
    assert worst_first([clean[2], one_slip, ruined]) == [2, 1]


def test_their_audio_is_written_without_loss(tmp_path, noisy_records):
    records = noisy_records(30, error_rate=0.5)
    sounds = {place: np.arange(place, place + 800, dtype=np.int16) for place in range(30)}
    kept = keep_audio(tmp_path / "audio_test", records, sounds.__getitem__, 16000)
    named = {place: own.audio for place, own in enumerate(kept) if own.audio}
    assert len(named) == NUMBER
    assert set(named) == set(worst_first(records)[:NUMBER])
    for place, name in named.items():
        samples, rate = soundfile.read(tmp_path / name, dtype="int16")
        assert rate == 16000
        assert (samples == sounds[place]).all()


def test_long_utterances_are_not_kept(tmp_path, noisy_records):
    long = noisy_records(1, error_rate=0.9)[0]._replace(seconds=LONGEST_SECONDS + 1)
    assert keep_audio(tmp_path / "audio_test", [long], lambda place: None, 16000) == [long]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, noisy_records):
    (tmp_path / "audio_test").write_text("no folder")
    with pytest.raises(OSError, match="audio_test"):
        keep_audio(tmp_path / "audio_test", noisy_records(3), lambda place: np.zeros(8, np.int16), 16000)

"""Records of utterances are read as they were written."""

import json

import pytest

from evaluation.utterance_record import (
    UtteranceRecord,
    read_records,
    write_records,
)
from experiment.layout import records_file


def test_records_are_read_as_they_were_written(tmp_path, noisy_records):
    records = noisy_records(5)
    write_records(records_file(tmp_path, "test"), records)
    assert read_records(tmp_path / "utterances_test.jsonl") == records


def test_a_line_is_a_json_object_of_one_utterance(tmp_path, noisy_records):
    write_records(records_file(tmp_path, "val"), noisy_records(2))
    lines = (tmp_path / "utterances_val.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["clip-000", "clip-001"]


def test_separators_within_a_text_do_not_end_a_line(tmp_path, noisy_records):
    odd = noisy_records(1)[0]._replace(text="one\u2028two\x85three\nfour")
    write_records(records_file(tmp_path, "test"), [odd, odd])
    assert read_records(records_file(tmp_path, "test")) == [odd, odd]


def test_fields_of_later_versions_are_ignored(noisy_records):
    line = noisy_records(1)[0].to_line()
    assert UtteranceRecord.from_fields({**json.loads(line), "mood": "glad"}) == noisy_records(1)[0]


def test_word_boundaries_are_not_phonemes():
    record = UtteranceRecord("a", "test", ("d", "|", "a"), ("d", "a", "|"), 1.0, 50, 0.5)
    assert record.reference_phonemes == record.hypothesis_phonemes == ["d", "a"]


def test_a_failed_write_leaves_the_old_file(tmp_path, noisy_records):
    path = records_file(tmp_path, "test")
    write_records(path, noisy_records(1))
    broken = noisy_records(1)[0]._replace(text=b"no text")  # cannot be written
    with pytest.raises(TypeError):
        write_records(path, [broken])
    assert read_records(path) == noisy_records(1)
    assert list(tmp_path.iterdir()) == [path]

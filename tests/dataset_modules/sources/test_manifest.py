"""Rows of a manifest whose cells make no sense are faults, not text."""

import re

import pytest

from dataset_modules.sources.manifest import parse_row


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"text": ["x"]}, r"text must be text, got \['x'\]"),
        ({"speaker": True}, "speaker must be text, got True"),
        ({"phonemes": {"a": 1}}, "phonemes must be text or a list of texts"),
        ({"phonemes": ["a", 1]}, "phonemes must be text or a list of texts"),
    ],
)
def test_a_cell_of_the_wrong_kind_is_the_rows_fault(cells, fault):
    assert re.match(fault, parse_row(3, {"file_name": "a.wav", **cells}).fault or "")


def test_numbers_name_speakers_and_lists_hold_phonemes():
    row = parse_row(3, {"file_name": "a.wav", "speaker": 7, "phonemes": ["a", "b"]})
    assert (row.fault, row.speaker, row.phonemes) == (None, "7", ("a", "b"))

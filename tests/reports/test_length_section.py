"""Lengths, times and confidences of a split."""

import numpy as np
import pytest

from evaluation.error_analysis import analyse
from evaluation.utterance_record import UtteranceRecord
from reports.length_section import confidence_columns, length_section, onset_errors

RECORD = UtteranceRecord(
    id="a",
    split="test",
    reference=("t", "|", "a"),
    hypothesis=("t", "|", "u", "n"),
    seconds=1.0,
    frames=50,
    blank_share=0.5,
    hypothesis_times=((0.1, 0.2), (0.2, 0.3), (0.4, 0.5), (0.6, 0.7)),
    hypothesis_confidences=(0.9, 0.1, 0.6, 0.4),
    reference_times=((0.1, 0.2), (0.2, 0.3), (0.4, 0.5)),
    stated_starts=(0.12, 0.9, 0.35),
)


def test_confidences_are_paired_with_the_correctness_of_their_phonemes():
    sure, right = confidence_columns(analyse("test", [RECORD]))
    assert sure.tolist() == [0.9, 0.6, 0.4]  # the boundary has none
    assert right.tolist() == [True, False, False]


def test_onsets_are_compared_with_those_of_the_data_set():
    errors = onset_errors(analyse("test", [RECORD, RECORD._replace(stated_starts=None)]))
    np.testing.assert_allclose(errors, [-0.02, 0.05])
    assert "35 ms" in length_section(analyse("test", [RECORD])).body


def test_without_stated_times_there_is_no_onset_error():
    assert (
        "error of onsets" not in length_section(analyse("test", [RECORD._replace(stated_starts=None)])).body
    )


@pytest.mark.parametrize(
    ("hypothesis", "words"),
    [(("t",), "more deletions than"), (("t", "a"), "as many"), (("t", "a", "n"), "more insertions than")],
)
def test_the_remark_about_lengths_matches_their_ratio(hypothesis, words):
    record = RECORD._replace(hypothesis=hypothesis, hypothesis_times=(), hypothesis_confidences=())
    body = length_section(analyse("test", [record])).body
    assert words in body
    assert body.count("deletions") == 1


@pytest.mark.parametrize("hypothesis", [(), ("t", "|", "a")])
def test_empty_and_correct_hypotheses_are_plotted(hypothesis):
    record = RECORD._replace(hypothesis=hypothesis, hypothesis_times=(), hypothesis_confidences=())
    assert "Confidence" not in length_section(analyse("test", [record, record])).body

"""Metrics of detection, worked out by hand."""

import math

import pytest

from scoring.annotations.contract import AnnotatedMean, AnnotatedScore
from scoring.detection import detection_metrics, metric_lines


def _row(utterance, gop, is_right, verdict=None, said=None, found="x", grade=None):
    return AnnotatedScore(
        *(str(utterance), str(utterance % 3), "s", gop, is_right, said, found), grade=grade, verdict=verdict
    )


ROWS = [
    _row(0, -0.1, True, "right"),
    _row(1, -0.2, True, "right"),
    _row(2, -5.0, True, "wrong"),
    _row(3, -0.3, True, "right"),
    _row(4, -6.0, False, "wrong", said="t", found="t"),
    _row(5, -4.0, False, "wrong", said="", found="t"),
    _row(6, -0.2, False, "right", said="θ", found="θ"),
    _row(7, -7.0, False, "wrong"),
]


def test_rates_are_those_of_the_definitions():
    metrics = detection_metrics(ROWS)
    expected = {
        "false_rejection_rate": 1 / 4,
        "false_acceptance_rate": 1 / 4,
        "diagnostic_error_rate": 1 / 2,
        "precision": 3 / 4,
        "recall": 3 / 4,
        "f1": 6 / 8,
        "diagnosed": 2 / 3,
    }
    assert {name: metrics[name].value for name in expected} == pytest.approx(expected)
    # Pairs of a wrong and a right phoneme whose gop is lower for the wrong one; one tie counts half.
    assert metrics["auc"].value == pytest.approx((4 + 3 + 1.5 + 4) / 16)


def test_without_verdicts_there_are_no_rates_of_verdicts():
    rows = [row._replace(verdict=None) for row in ROWS]
    assert set(detection_metrics(rows)) == {"auc", "diagnosed"}


def test_intervals_resample_utterances_and_speakers():
    rows = [row._replace(utterance=str(n), speaker=str(n % 12)) for n, row in enumerate(ROWS * 30)]
    metric = detection_metrics(rows)["recall"]
    assert (metric.by_utterance.units, metric.by_speaker.units) == (240, 12)
    assert metric.by_utterance.low < metric.value < metric.by_utterance.high
    assert detection_metrics(ROWS)["recall"].by_speaker is None


def test_without_known_speakers_there_is_no_interval_by_speaker():
    rows = [row._replace(utterance=str(n), speaker=str(n)) for n, row in enumerate(ROWS * 30)]
    assert all(metric.by_speaker is None for metric in detection_metrics(rows).values())


def test_intervals_of_shares_end_at_one():
    """All wrong phonemes but one are found, of utterances that differ in length."""
    rows = [_row(n, -5.0, False, "wrong") for n in range(12) for _ in range(1 + n)]
    rows.append(_row(0, -1.0, False, "right"))
    recall = detection_metrics(rows)["recall"]
    assert recall.by_utterance.low < recall.value < recall.by_utterance.high <= 1.0


def test_grades_correlate_by_phoneme_word_and_utterance():
    rows = [_row(n, -float(n), True, grade=2.0 - n) for n in range(3)]
    words = [
        AnnotatedMean("a", "b", score, grade) for score, grade in ((-1.0, 1.0), (-2.0, 5.0), (-3.0, 3.0))
    ]
    metrics = detection_metrics([*rows, _row(9, -1.0, False)], words)
    assert metrics["pearson_phoneme"].value == pytest.approx(1.0)
    assert metrics["pearson_word"].value == pytest.approx(-0.5)
    assert "pearson_utterance" not in metrics


def test_the_empty_case_has_no_metrics_and_unknown_ones_are_no_numbers():
    assert detection_metrics([]) == {}
    metrics = detection_metrics(ROWS[:4])
    assert math.isnan(metrics["auc"].value)
    assert math.isnan(metrics["recall"].value)
    assert any(line.startswith("recall") for line in metric_lines(metrics))

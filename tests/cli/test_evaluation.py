"""What follows an evaluation: intervals beside the figures, and words for the terminal."""

import json
import logging

import pytest

from cli.evaluation import summarise, write_report
from evaluation.intervals import RateInterval, rate_interval
from evaluation.utterance_record import UtteranceRecord, write_records
from experiment.layout import records_file


@pytest.fixture
def folder(tmp_path):
    """Twenty utterances of ten phonemes, every second one with one phoneme misheard."""
    spoken = tuple("tatadatana")
    records = [
        UtteranceRecord(
            f"u{number}", "test", spoken, ("d", *spoken[1:]) if number % 2 else spoken, 1.0, 50, 0.5
        )
        for number in range(20)
    ]
    write_records(records_file(tmp_path, "test"), records)
    (tmp_path / "metrics.json").write_text(json.dumps({"test_per": 0.05, "definitions": {"per": "…"}}))
    return tmp_path


def test_intervals_and_edits_stand_beside_the_figures(folder):
    summarise(folder)
    figures = json.loads((folder / "metrics.json").read_text())
    assert figures["test_per"] == 0.05
    assert figures["edits"]["test"] == {"substitutions": 10, "deletions": 0, "insertions": 0, "phonemes": 200}
    expected = rate_interval([number % 2 for number in range(20)], [10] * 20)
    assert RateInterval(**figures["intervals"]["test_per"]) == expected
    assert set(figures["definitions"]) == {"per", "feature_error_rate", "pfer", "intervals"}


def test_the_terminal_is_told(folder, caplog):
    with caplog.at_level(logging.INFO, logger="cli"):
        summarise(folder)
    assert "test_per: 5.00 %, 95 % interval" in caplog.text
    assert "over 20 utterances" in caplog.text
    assert "10 substitutions, 0 deletions, 0 insertions in 200 phonemes" in caplog.text


def test_faults_are_said_and_end_nothing(folder, caplog):
    records_file(folder, "test").write_text("no JSON\n")
    assert summarise(folder) is None
    write_report(folder)
    assert "the errors could not be analysed" in caplog.text
    assert "report.html could not be written" in caplog.text
    assert json.loads((folder / "metrics.json").read_text())["test_per"] == 0.05

"""What follows an evaluation: intervals beside the figures, and lines in the terminal."""

import json
import logging
from types import SimpleNamespace

import pytest

from cli.evaluation import conclude, summarise
from evaluation.intervals import RateInterval, rate_interval
from evaluation.utterance_record import UtteranceRecord, write_records
from experiment.layout import records_file


@pytest.fixture
def folder(tmp_path):
    """Twenty utterances of ten phonemes, every second one with one phoneme wrong."""
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


def test_a_model_that_recognises_nothing_is_named(folder, caplog):
    silent = [UtteranceRecord("u", "test", ("t", "a"), (), 1.0, 50, 1.0)]
    write_records(records_file(folder, "test"), silent)
    summarise(folder)
    assert "test: the model recognises no phoneme" in caplog.text


def test_the_rates_and_edits_are_logged(folder, caplog):
    with caplog.at_level(logging.INFO, logger="cli"):
        summarise(folder)
    assert "test_per: 5.00 %, 95 % interval" in caplog.text
    assert "over 20 utterances" in caplog.text
    assert "10 substitutions, 0 deletions, 0 insertions in 200 phonemes" in caplog.text


def test_what_could_not_be_written_is_one_error_after_all_else(folder):
    records_file(folder, "test").write_text("no JSON\n")
    keeper = SimpleNamespace(
        failures=["the val records could not be written: a.jsonl: No space left on device"]
    )
    message = str(conclude(SimpleNamespace(callbacks=[keeper, object()]), folder, analyse=True, report=True))
    assert f"the results in {folder} are incomplete: the val records could not be written: a.jsonl" in message
    assert "the errors could not be analysed" in message
    assert "report.html could not be written" in message
    assert "\n" not in message
    assert json.loads((folder / "metrics.json").read_text())["test_per"] == 0.05

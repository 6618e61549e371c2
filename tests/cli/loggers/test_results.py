"""What logging services receive: with real packages where they are installed, else a stand-in."""

import json

import pytest

from cli.loggers.choice import build_loggers
from cli.loggers.results import publish_results
from tests.cli.loggers.recording_logger import RecordingLogger, is_recorded

METRICS = {
    "test_per": 0.1,
    "val_per": 0.2,
    "checkpoint": "best.ckpt",
    "utterances": {"test": 4},
    "intervals": {"test_per": {"rate": 0.1, "low": 0.05, "high": 0.15, "units": 4}},
}
SENT = {"test_per": 0.1, "best_val_per": 0.2, "test_per_low": 0.05, "test_per_high": 0.15}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "experiments" / "demo"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(METRICS))
    (folder / "report.html").write_text("<h1>Report</h1>")
    return folder


def test_any_logger_receives_the_final_metrics(folder):
    logger = RecordingLogger()
    publish_results([*build_loggers(True, folder, folder.parent), logger], folder)
    assert logger.received["metrics"] == [(None, SENT)]


def test_a_logger_that_fails_ends_nothing(folder, monkeypatch, caplog):
    logger = RecordingLogger()
    monkeypatch.setattr(logger, "log_metrics", lambda metrics: 1 / 0)
    publish_results([logger], folder)
    assert "RecordingLogger did not take the results: division by zero" in caplog.text


def test_wandb_receives_the_summary_and_the_report(folder, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    loggers = build_loggers("wandb", folder, folder.parent)
    try:
        publish_results(loggers, folder)
        summary = dict(loggers[-1].experiment.summary)
    finally:
        wandb.finish()
    assert summary.items() >= SENT.items()
    (records,) = (folder / "logs" / "wandb").glob("offline-run-*/*.wandb")
    assert is_recorded(records, b"report.html")


def test_mlflow_receives_the_metrics_and_the_report(folder, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    *_, logger = build_loggers("mlflow", folder, folder.parent)
    publish_results([logger], folder)
    run = logger.experiment.get_run(logger.run_id)
    assert run.data.metrics == SENT
    assert run.info.run_name == "demo"
    assert [file.path for file in logger.experiment.list_artifacts(logger.run_id)] == ["report.html"]

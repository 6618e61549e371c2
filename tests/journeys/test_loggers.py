"""Training with a user's loggers: the local curves stay, services receive all that the report shows."""

from pathlib import Path

import pytest

from cli.run import run
from experiment.contents import Experiment, read_experiment
from tests.cli.loggers.recording_logger import RecordingLogger, is_recorded
from tests.journeys.configuration import configuration, sentences, written
from tests.journeys.experiments import metrics_of

OWN = "tests.cli.loggers.recording_logger.RecordingLogger"
EPOCHS = 3


@pytest.fixture(scope="module")
def config(place: Path) -> Path:
    trainer = {"max_epochs": EPOCHS, "num_sanity_val_steps": 0, "log_every_n_steps": 1}
    content = configuration(place, data={"dataset_classes": sentences(8, 4, 4)}, trainer=trainer)
    return written(place / "config.yaml", content)


def _trained(place: Path, config: Path, name: str, logger: str) -> Experiment:
    arguments = ["--custom_folder_name", name, "--trainer.logger", logger]
    assert run(["fit", "--config", str(config), *arguments]) == 0
    return read_experiment(place / "experiments" / name)


@pytest.fixture(scope="module")
def experiment(place: Path, config: Path) -> Experiment:
    """An experiment with a user's logger."""
    return _trained(place, config, "own", f"{{class_path: {OWN}}}")


def test_the_curves_stay_beside_a_logger_of_ones_own(experiment: Experiment) -> None:
    assert len(experiment.curves["train_loss"]) > EPOCHS
    assert "Loss; last logged: train_loss" in (experiment.folder / "report.html").read_text(encoding="utf-8")
    assert list((experiment.folder / "logs" / "tensorboard").rglob("events.*"))


def test_the_evaluation_of_the_best_checkpoint_is_no_point_of_the_curve(experiment: Experiment) -> None:
    assert len(experiment.curves["val_per"]) == EPOCHS


def test_a_logger_receives_curves_configuration_and_final_metrics(experiment: Experiment) -> None:
    received = RecordingLogger.received
    assert received["configuration"]["model"]["lr"] == 0.003
    assert received["configuration"]["custom_folder_name"] == "own"
    assert sum("val_per" in metrics for _, metrics in received["metrics"]) == EPOCHS
    *_, (_, final) = received["metrics"]
    assert final["test_per"] == metrics_of(experiment.folder)["test_per"]
    assert "best_val_per" in final


def test_without_loggers_the_curves_stay(place: Path, config: Path) -> None:
    experiment = _trained(place, config, "none", "false")
    assert len(experiment.curves["val_per"]) == EPOCHS
    assert not (experiment.folder / "logs" / "tensorboard").exists()


def test_a_development_run_starts_no_service(config: Path) -> None:
    assert (
        run(["fit", "--config", str(config), "--trainer.logger", "csv", "--trainer.fast_dev_run", "1"]) == 0
    )


def test_a_misspelt_logger_lists_the_names(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit", "--config", str(config), "--trainer.logger", "wanb"]) == 2
    assert "one of csv, mlflow, tensorboard, wandb or null, got wanb" in capsys.readouterr().err


def test_real_services_receive_a_whole_run(
    place: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb, mlflow = pytest.importorskip("wandb"), pytest.importorskip("mlflow")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    experiment = _trained(place, config, "served", "[wandb, mlflow]")
    wandb.finish()
    assert len(experiment.curves["val_per"]) == EPOCHS
    client = mlflow.MlflowClient(f"sqlite:///{place / 'experiments' / 'mlflow.db'}")
    (row,) = client.search_runs([client.get_experiment_by_name("phoneme-recognition").experiment_id])
    assert row.data.metrics["test_per"] == experiment.metrics["test_per"]
    assert len(client.get_metric_history(row.info.run_id, "val_per")) == EPOCHS
    assert row.data.params["model/lr"] == "0.003"
    assert [file.path for file in client.list_artifacts(row.info.run_id)] == ["report.html"]
    (records,) = experiment.folder.glob("logs/wandb/offline-run-*/*.wandb")
    assert is_recorded(records, b"best_val_per")

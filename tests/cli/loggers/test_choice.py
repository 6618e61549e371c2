"""Which loggers a run gets, by name and by class_path."""

import importlib.util

import pytest
from jsonargparse import Namespace
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger

from cli.loggers.choice import build_loggers, check_loggers, services, start_services
from experiment.errors import ConfigError
from tests.cli.loggers.recording_logger import RecordingLogger

LOCAL = ["TensorBoardLogger", "CSVLogger"]


def _kinds(configured, folder):
    return [type(logger).__name__ for logger in build_loggers(configured, folder, folder.parent)]


@pytest.mark.parametrize(
    ("configured", "kinds"),
    [
        (True, LOCAL),
        ("tensorboard", LOCAL),
        ("csv", ["CSVLogger"]),
        (["csv", "tensorboard"], LOCAL),
        (False, ["CSVLogger"]),
        (None, ["CSVLogger"]),
    ],
)
def test_the_local_logs_are_chosen_by_name(tmp_path, configured, kinds):
    assert _kinds(configured, tmp_path) == kinds


def test_a_logger_of_ones_own_leaves_the_local_logs(tmp_path):
    own = RecordingLogger()
    assert _kinds(own, tmp_path) == [*LOCAL, "RecordingLogger"]
    assert _kinds([own, "csv"], tmp_path) == ["CSVLogger", "RecordingLogger"]
    assert services(build_loggers(own, tmp_path, tmp_path)) == [own]


def test_a_tensorboard_logger_of_ones_own_replaces_ours(tmp_path):
    own = TensorBoardLogger(tmp_path / "elsewhere")
    loggers = build_loggers(own, tmp_path, tmp_path)
    assert loggers[1] is own
    assert isinstance(loggers[0], CSVLogger)
    assert len(loggers) == 2


@pytest.mark.parametrize("choice", ["wandb", Namespace(class_path="lightning.pytorch.loggers.WandbLogger")])
def test_a_missing_package_names_the_extra(monkeypatch, choice):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = r"^trainer.logger: \w+ needs the package wandb, which is not installed; .*install.*wandb\S*$"
    with pytest.raises(ConfigError, match=message):
        check_loggers(["csv", choice])
    check_loggers(["csv", "tensorboard"])
    check_loggers(True)


def test_a_service_without_access_ends_the_command_at_its_start():
    with pytest.raises(ConfigError, match=r"^trainer.logger: RecordingLogger could not start: no access$"):
        start_services([RecordingLogger(broken=True)])


def test_wandb_gets_the_experiments_name(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    *_, logger = build_loggers("wandb", tmp_path / "demo", tmp_path)
    assert isinstance(logger, WandbLogger)
    assert (logger._name, logger._project) == ("demo", "phoneme-recognition")
    assert logger.save_dir == str(tmp_path / "demo" / "logs")


def test_a_trial_is_named_after_its_search(tmp_path):
    pytest.importorskip("wandb")
    folder = tmp_path / "demo_search" / "trials" / "0007" / "run"
    *_, logger = build_loggers("wandb", folder, tmp_path)
    assert logger._name == "demo_search/trials/0007/run"


def test_mlflow_keeps_its_store_beside_the_experiments(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    *_, logger = build_loggers("mlflow", tmp_path / "demo", tmp_path)
    assert isinstance(logger, MLFlowLogger)
    assert logger._tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"

"""The loggers of a run: the local logs, and the services that the configuration names."""

import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from experiment.errors import ConfigError
from experiment.layout import CSV_LOGS, LOGS, TENSORBOARD_LOGS
from installation import how_to_install

PROJECT = "phoneme-recognition"  # where the service groups runs, unless its environment variable names it
# Beside the experiments, unless MLFLOW_TRACKING_URI names a server: its database, and the files of runs.
MLFLOW_DATABASE, MLFLOW_FILES = "mlflow.db", "mlruns"
_PACKAGES = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow"}  # each is the extra of that name


def check_loggers(configured: object) -> None:
    """Refuse a logger whose package is missing, before anything is built."""
    for choice in logger_choices(configured):
        package = _package(choice)
        if package and importlib.util.find_spec(package) is None:
            raise ConfigError(
                f"trainer.logger: {_name(choice)} needs the package {package}, which is not installed; "
                f"{how_to_install(package)}"
            )


def logger_choices(configured: Any) -> list[Any]:  # noqa: ANN401 - as the configuration has it
    """List the choices of ``trainer.logger``.

    >>> logger_choices("wandb"), logger_choices(["csv", "mlflow"]), logger_choices(None)
    (['wandb'], ['csv', 'mlflow'], [])
    """
    if configured is None or configured is False:
        return []
    is_list = isinstance(configured, Iterable) and not isinstance(configured, str | Namespace | Logger | dict)
    return list(configured) if is_list else [configured]


def build_loggers(configured: object, folder: Path, experiments: Path) -> list[Logger]:
    """Build the loggers of a training: local logs first, with a new version for each start.

    ``experiments`` holds the folders of all runs: what services of this machine share lies there.
    """
    choices = logger_choices(configured)
    loggers: list[Logger] = []
    if _wants_tensorboard(choices):
        loggers.append(TensorBoardLogger(folder, TENSORBOARD_LOGS))
    loggers.append(CSVLogger(folder, CSV_LOGS))
    for choice in choices:
        if choice in ("mlflow", "wandb"):
            loggers.append(_service(choice, folder, experiments.absolute()))
        elif isinstance(choice, Logger):
            loggers.append(choice)
    return loggers


def services(loggers: Iterable[Logger]) -> list[Logger]:
    """Return the loggers that do not write the local logs."""
    return [logger for logger in loggers if not isinstance(logger, CSVLogger | TensorBoardLogger)]


def start_services(loggers: Iterable[Logger]) -> None:
    """Open the run of every service, so that a service without access ends the command at its start."""
    for logger in services(loggers):
        try:
            _ = getattr(logger, "experiment", None)  # opening it is its side effect
        except Exception as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ConfigError(f"trainer.logger: {type(logger).__name__} could not start: {first}") from error


def _wants_tensorboard(choices: Sequence[object]) -> bool:
    """Whether the local TensorBoard log is written: unless ``csv`` alone, or nothing, is chosen."""
    if any(isinstance(choice, TensorBoardLogger) for choice in choices):
        return False  # there is one already
    return bool(choices) and ("csv" not in choices or "tensorboard" in choices)


def _service(name: str, folder: Path, experiments: Path) -> Logger:
    """Build a service's logger, whose run is named after the experiment, a trial's also after its search."""
    run = folder.absolute().relative_to(experiments).as_posix()
    if name == "wandb":
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        return WandbLogger(name=run, project=project, save_dir=folder / LOGS)
    group = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
    if server := os.environ.get("MLFLOW_TRACKING_URI"):
        return MLFlowLogger(group, run_name=run, tracking_uri=server)
    return MLFlowLogger(
        group,
        run_name=run,
        tracking_uri=f"sqlite:///{experiments / MLFLOW_DATABASE}",
        artifact_location=(experiments / MLFLOW_FILES).as_uri(),
    )


def _package(choice: object) -> str | None:
    if isinstance(choice, str):
        return choice if choice in _PACKAGES.values() else None
    return _PACKAGES.get(_name(choice))


def _name(choice: object) -> str:
    """Return the short name of a logger as the configuration describes it."""
    path = choice.get("class_path") if isinstance(choice, Namespace | dict) else choice
    return str(path).rpartition(".")[2]

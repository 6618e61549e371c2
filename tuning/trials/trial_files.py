"""A trial's folder: its configuration, the command that repeats it, what it reports, what it said last."""

import json
import math
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from durable_files import write_durably
from experiment.layout import CHECKPOINTS

CONFIG, COMMAND, LOG, REPORTS, RUN = "config.yaml", "command.txt", "log.txt", "reports.jsonl", "run"
TRIALS = "trials"
_LOSSES = ("train_loss", "val_loss")
_TAIL_BYTES = 20_000


class Report(NamedTuple):
    """The figures of one validation."""

    validation: int
    figures: Mapping[str, float]

    def values(self, metrics: Sequence[str]) -> list[float]:
        """The figures that are searched for; one that is not there is no number."""
        return [self.figures.get(name, math.nan) for name in metrics]

    def not_finite(self, metrics: Sequence[str]) -> str | None:
        """The first figure that should be a number and is none."""
        names = [name for name in (*metrics, *_LOSSES) if name in self.figures]
        return next((name for name in names if not math.isfinite(self.figures[name])), None)


def trial_folder(search: Path, number: int) -> Path:
    """Where a trial keeps its files."""
    return search / TRIALS / f"{number:04d}"


def trial_configuration(
    config: dict[str, Any], *, study: str, number: int, seed: int, reports: Path
) -> dict[str, Any]:
    """A drawn configuration as a trial runs it: in its own folder, reporting, without the test split."""
    trainer = {**config["trainer"], "limit_test_batches": 0}
    report = {"class_path": "callbacks.FigureReports", "init_args": {"path": str(reports)}}
    callbacks = [_within_folder(callback) for callback in _as_list(trainer.get("callbacks"))]
    trainer["callbacks"] = [*callbacks, report]
    return {
        **_plain(config, seed, f"{study}/{TRIALS}/{number:04d}/{RUN}"),
        "trainer": trainer,
        "write_report": False,  # a search has a page of its own
    }


def _within_folder(callback: dict[str, Any]) -> dict[str, Any]:
    """Checkpoints go where the trial's other files are: in one place for all, trials would mix theirs."""
    arguments = callback.get("init_args") or {}
    return {**callback, "init_args": {**arguments, "dirpath": None}} if arguments.get("dirpath") else callback


def best_configuration(config: dict[str, Any], *, seed: int, name: str) -> dict[str, Any]:
    """A drawn configuration as it trains on its own, with the trial's seed."""
    return _plain(config, seed, name)


def _plain(config: dict[str, Any], seed: int, name: str) -> dict[str, Any]:
    data = {**config["data"], "create_dataset": False}
    changes = {"seed_everything": seed, "custom_folder_name": name, "optuna": {"tune": False}}
    return {**config, **changes, "data": data}


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 - any YAML value
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def prepare_folder(folder: Path, config: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Make a trial's folder anew; returns the arguments of its run."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    write_yaml(folder / CONFIG, config)
    arguments = ["fit", "--config", str(folder / CONFIG)]
    settings = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    command = " ".join([*settings, "python", "main.py", *map(shlex.quote, arguments)])
    (folder / COMMAND).write_text(f"{command}\n", encoding="utf-8")
    return arguments


def write_yaml(path: Path, content: dict[str, Any]) -> None:
    """Write YAML in its own order, whole."""
    write_durably(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


class ReportFollower:
    """Reads the reports that have come since it last looked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_reports(self) -> list[Report]:
        """Whole lines only: the last one may still be on its way."""
        if not self._path.is_file():
            return []
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            text = stream.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [_report(json.loads(line)) for line in whole.splitlines()]


def _report(line: dict[str, Any]) -> Report:
    return Report(int(line["validation"]), {name: float(value) for name, value in line["figures"].items()})


def last_words(log_file: Path) -> str:
    """The line of a log that says why its run ended: the last error, else the last line."""
    if not log_file.is_file():
        return ""
    with log_file.open("rb") as stream:
        stream.seek(max(0, log_file.stat().st_size - _TAIL_BYTES))
        lines = stream.read().decode("utf-8", errors="replace").replace("\r", "\n").splitlines()
    spoken = [line.strip() for line in lines if line.strip()]
    errors = [line.removeprefix("error: ") for line in spoken if line.startswith("error: ")]
    return (errors or spoken or [""])[-1]


def remove_checkpoints(folder: Path) -> None:
    """Free the space of weights that nobody will ask for."""
    for checkpoints in folder.glob(f"{RUN}*/{CHECKPOINTS}"):
        shutil.rmtree(checkpoints, ignore_errors=True)

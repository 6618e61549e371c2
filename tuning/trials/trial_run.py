"""A trial as a run of the command line: its configuration, its folder, its command."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from durable_files import write_durably
from experiment.layout import CHECKPOINTS
from experiment.ranks import leave_launch
from untrusted.yaml_text import dump_yaml

TRAIN = "train"  # the fork server's task
CONFIG, COMMAND, LOG, REPORTS, RUN = "config.yaml", "command.txt", "log.txt", "reports.jsonl", "run"
_TRIALS = "trials"
_MAIN = Path(__file__).parents[2] / "main.py"


def trial_folder(search: Path, number: int) -> Path:
    """Return the folder of a trial."""
    return search / _TRIALS / f"{number:04d}"


def trial_configuration(
    config: dict[str, Any], seed: int, study: str, folder: Path, *, is_tested: bool = False
) -> dict[str, Any]:
    """Return the configuration of a trial's run: in its folder, reporting, without test unless asked for."""
    callbacks = config["trainer"].get("callbacks") or []
    callbacks = callbacks if isinstance(callbacks, list) else [callbacks]
    report: dict[str, Any] = {
        "class_path": "callbacks.FigureReports",
        "init_args": {"path": str(folder / REPORTS)},
    }
    if is_tested:
        report["init_args"]["metrics_only"] = False
    test_batches = {} if is_tested else {"limit_test_batches": 0}
    changes = {**test_batches, "callbacks": [*map(_without_dirpath, callbacks), report]}
    return {
        **training_configuration(config, seed, f"{study}/{_TRIALS}/{folder.name}/{RUN}"),
        "trainer": {**config["trainer"], **changes},
        "write_report": False,  # the search writes one report of all trials
    }


def _without_dirpath(callback: dict[str, Any]) -> dict[str, Any]:
    """Let checkpoints go to the trial's folder: in one folder for all, trials would mix theirs."""
    arguments = callback.get("init_args") or {}
    return {**callback, "init_args": {**arguments, "dirpath": None}} if arguments.get("dirpath") else callback


def training_configuration(config: dict[str, Any], seed: int, name: str) -> dict[str, Any]:
    """Return a drawn configuration as a training run with this seed and name."""
    data = {**config["data"], "create_dataset": False}
    changes = {"seed_everything": seed, "custom_folder_name": name, "optuna": {"tune": False}}
    kept = {key: value for key, value in config.items() if key != "study"}
    return {**kept, **changes, "data": data}


def prepare_folder(folder: Path, config: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Create a trial's folder anew; returns the arguments of its run."""
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
    """Write a mapping as YAML in its order; an interrupted write leaves the file as it was."""
    write_durably(path, dump_yaml(content))


def train(arguments: Sequence[str]) -> int:
    """Run the command line in a forked process, with the same effect as a start of main.py."""
    # Imported only now: the search's own process does without.
    import torch

    from cli.run import run

    leave_launch()
    if threads := os.environ.get("OMP_NUM_THREADS"):  # OpenMP has read it before the process was forked
        torch.set_num_threads(int(threads))
    # What starts further processes of a run, such as ddp, repeats this command.
    sys.argv = [str(_MAIN), *arguments]
    return run(arguments)


def remove_checkpoints(folder: Path) -> None:
    """Free the space that a trial's weights take."""
    for checkpoints in folder.glob(f"{RUN}*/{CHECKPOINTS}"):
        shutil.rmtree(checkpoints, ignore_errors=True)

"""Measure the overhead of a finished search's trials: ``python benchmarks/search_overhead.py FOLDER``.

Medians in seconds: a whole trial, its part before training begins, that after its last validation (it
validates its best checkpoint), the pause until the next one; with ``--by-hand`` also the first trial as a
separate command, which imports everything anew.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial


def main() -> None:
    """Measure a finished search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("search", type=Path)
    parser.add_argument("--by-hand", action="store_true", help="also run the first trial as a command")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.search, by_hand=arguments.by_hand), indent=1))


def measure(search: Path, *, by_hand: bool) -> dict[str, float]:
    """Return medians in seconds over the completed trials after the first."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = optuna.storages.JournalStorage(JournalFileBackend(str(search / "journal.log")))
    trials = [
        trial
        for trial in optuna.load_study(study_name=None, storage=journal).trials
        if trial.state.name == "COMPLETE"
    ]
    found = {
        "trial": statistics.median(_seconds(trial) for trial in trials[1:]),
        "until training begins": statistics.median(_preamble(search, trial) for trial in trials[1:]),
        "after the last validation": statistics.median(_end(search, trial) for trial in trials[1:]),
        "between trials": statistics.median(
            (after.datetime_start - before.datetime_complete).total_seconds()
            for before, after in zip(trials, trials[1:], strict=False)
            if after.number == before.number + 1
        ),
    }
    if by_hand:
        command = shlex.split((_folder(search, trials[0]) / "command.txt").read_text())
        program = command.index("python")  # behind settings of its environment
        environment = {**os.environ, **dict(setting.split("=", 1) for setting in command[:program])}
        begun = time.monotonic()
        subprocess.run(
            [sys.executable, *command[program + 1 :]], env=environment, check=True, capture_output=True
        )
        found["the same as a command"] = time.monotonic() - begun
    return found


def _seconds(trial: FrozenTrial) -> float:
    return float((trial.datetime_complete - trial.datetime_start).total_seconds())


def _preamble(search: Path, trial: FrozenTrial) -> float:
    """Return the seconds until the run has written its record, at the setup of training."""
    record = _folder(search, trial) / "run" / "versions.json"
    return record.stat().st_mtime - trial.datetime_start.timestamp()


def _end(search: Path, trial: FrozenTrial) -> float:
    """Return the seconds after the last report."""
    return trial.datetime_complete.timestamp() - (_folder(search, trial) / "reports.jsonl").stat().st_mtime


def _folder(search: Path, trial: FrozenTrial) -> Path:
    return search / "trials" / f"{trial.number:04d}"


if __name__ == "__main__":
    main()

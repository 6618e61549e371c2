"""What the forked processes do: prepare a search, run a trial."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from experiment.errors import ConfigError
from experiment.ranks import leave_launch

ROOT = Path(__file__).parents[2]
_THREADS = "OMP_NUM_THREADS"


def train(arguments: Sequence[str]) -> int:
    """One run of the command line; as if main.py had been started with these arguments."""
    from cli.run import run

    leave_launch()
    _heed_threads()
    # What starts further processes of a run, such as ddp, repeats this command.
    sys.argv = [str(ROOT / "main.py"), *arguments]
    return run(arguments)


def prepare(arguments: Sequence[str]) -> int:
    """Build each of these configurations, with its data and its weights.

    Writes what was wrong with which, and which modules were imported for it.

    Args:
        arguments: the file for the findings, then configuration files.
    """
    from tuning.trials.preparation import prepare_configuration

    leave_launch()
    findings, *configs = arguments
    known = set(sys.modules)
    faults: dict[str, str | None] = {}
    for config in configs:
        try:
            prepare_configuration(config)
            faults[config] = None
        except Exception as error:  # it may be what only this draw does: the search goes on
            faults[config] = (
                str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
            )
    imported = [name for name in sys.modules if name not in known]
    Path(findings).write_text(json.dumps({"faults": faults, "imported": imported}), encoding="utf-8")
    return 0


def _heed_threads() -> None:
    """OpenMP has read its variable long ago, in the process that this one was forked from."""
    import torch

    if threads := os.environ.get(_THREADS):
        torch.set_num_threads(int(threads))

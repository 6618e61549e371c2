"""``report EXPERIMENT…``: write each experiment's page anew, and compare several."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.tool_parser import ToolParser
from cli.summary import PAGE
from experiment.errors import ConfigError

if TYPE_CHECKING:
    from experiment.reading import Experiment

log = logging.getLogger(__name__)

COMPARISON = "comparison.html"


def run_report(arguments: Sequence[str]) -> int:
    """Rebuild the pages of the named experiments; nothing is evaluated again."""
    parser = ToolParser(
        prog="./run.sh report",
        description="Write each experiment's page anew; compare the others with the first.",
    )
    parser.add_argument("experiments", nargs="+", help="folders, or names under experiments/")
    # Imported after parsing: drawing takes seconds to load.
    names = parser.parse_args(list(arguments)).experiments
    from experiment.reading import find_experiment
    from reports.comparison_page import comparison_page
    from reports.experiment_page import experiment_page
    from reports.html.page import write_page

    try:
        folders = list(dict.fromkeys(find_experiment(name) for name in names))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    experiments = _told_apart([_read(folder) for folder in folders])
    for experiment in experiments:
        write_page(experiment.folder / PAGE, experiment_page(experiment))
        log.info("report: %s", experiment.folder / PAGE)
    if len(experiments) > 1:
        path = experiments[0].folder / COMPARISON
        write_page(path, comparison_page(experiments))
        log.info("comparison: %s", path)
    return 0


def _read(folder: Path) -> "Experiment":
    """What a folder holds; a damaged file in it is one line."""
    from experiment.reading import read_experiment

    try:
        return read_experiment(folder)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ConfigError(f"report: {folder} cannot be read: {type(error).__name__}: {error}") from error


def _told_apart(experiments: "list[Experiment]") -> "list[Experiment]":
    """Experiments of one name, by their folders."""
    names = Counter(own.name for own in experiments)
    return [own if names[own.name] == 1 else own._replace(name=str(own.folder)) for own in experiments]

"""``report EXPERIMENT…``: write each experiment's page anew, and compare several."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cli.commands.tool_parser import ToolParser
from experiment.contents import Experiment, read_experiment
from experiment.errors import ConfigError
from experiment.folder import find_experiment
from experiment.layout import COMPARISON_FILE, REPORT_FILE

log = logging.getLogger(__name__)


def run_report(arguments: Sequence[str]) -> int:
    """Rebuild the pages of the named experiments; nothing is evaluated again."""
    parser = ToolParser(
        prog="./run.sh report",
        description="Write each experiment's page anew; compare the others with the first.",
    )
    parser.add_argument("experiments", nargs="+", help="folders, or names under experiments/")
    # Imported after parsing: drawing takes seconds to load.
    names = parser.parse_args(list(arguments)).experiments
    from durable_files import write_durably
    from reports.comparison_page import comparison_page
    from reports.experiment_page import experiment_page

    folders = list(dict.fromkeys(find_experiment(name) for name in names))
    experiments = _told_apart([_read(folder) for folder in folders])
    for experiment in experiments:
        write_durably(experiment.folder / REPORT_FILE, experiment_page(experiment))
        log.info("report: %s", experiment.folder / REPORT_FILE)
    if len(experiments) > 1:
        path = experiments[0].folder / COMPARISON_FILE
        write_durably(path, comparison_page(experiments))
        log.info("comparison: %s", path)
    return 0


def _read(folder: Path) -> Experiment:
    """Read an experiment; a damaged file in it is one line."""
    try:
        return read_experiment(folder)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ConfigError(f"report: {folder} cannot be read: {type(error).__name__}: {error}") from error


def _told_apart(experiments: list[Experiment]) -> list[Experiment]:
    """Name experiments that share a name by their folders."""
    names = Counter(each.name for each in experiments)
    return [each if names[each.name] == 1 else each._replace(name=str(each.folder)) for each in experiments]

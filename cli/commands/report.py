"""``report EXPERIMENT…``: write each experiment's page anew, and compare several."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from cli.configuration.tool_parser import ToolParser
from experiment.contents import Experiment, read_experiment
from experiment.errors import ConfigError
from experiment.folder import find_experiment
from experiment.layout import COMPARISON_FILE, REPORT_FILE
from installation import PROGRAM
from untrusted.files import FileError
from untrusted.printing import printable

log = logging.getLogger(__name__)

_LONGEST_REASON = 200
_Result = TypeVar("_Result")


def run_report(arguments: Sequence[str]) -> int:
    """Rebuild the pages of the named experiments; nothing is evaluated again."""
    parser = ToolParser(
        prog=f"{PROGRAM} report",
        description="Write each experiment's page anew; compare the others with the first.",
    )
    parser.add_argument("experiments", nargs="+", help="folders, or names under experiments/")
    # Imported after parsing: drawing takes seconds to load.
    names = parser.parse_args(list(arguments)).experiments
    from durable_files import write_durably
    from reports.comparison_page import comparison_page
    from reports.experiment_page import experiment_page

    folders = list(dict.fromkeys(find_experiment(name) for name in names))
    experiments = _told_apart([_of_data(folder, partial(read_experiment, folder)) for folder in folders])
    for experiment in experiments:
        folder = experiment.folder
        page = _of_data(folder, partial(experiment_page, experiment))
        write_durably(folder / REPORT_FILE, page)
        log.info("report: %s", folder / REPORT_FILE)
    if len(experiments) > 1:
        folder = experiments[0].folder
        page = _of_data(folder, partial(comparison_page, experiments))
        write_durably(folder / COMPARISON_FILE, page)
        log.info("comparison: %s", folder / COMPARISON_FILE)
    return 0


def _of_data(folder: Path, use: Callable[[], _Result]) -> _Result:
    """Use what an experiment's folder holds; whatever is wrong with it is one line."""
    try:
        return use()
    except FileError as error:
        raise ConfigError(f"report: {error}") from error
    except OSError:
        raise
    except Exception as error:
        reason = printable(error, most_characters=_LONGEST_REASON)
        raise ConfigError(
            f"report: {printable(folder)} holds data that cannot be shown: {type(error).__name__}: {reason}"
        ) from error


def _told_apart(experiments: list[Experiment]) -> list[Experiment]:
    """Name experiments that share a name by their folders."""
    names = Counter(each.name for each in experiments)
    return [each if names[each.name] == 1 else each._replace(name=str(each.folder)) for each in experiments]

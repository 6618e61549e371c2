"""``report EXPERIMENT…``: write each experiment's page anew."""

import argparse
import logging
from collections.abc import Sequence

from cli.errors import ConfigError

log = logging.getLogger(__name__)

PAGE = "report.html"


def run_report(arguments: Sequence[str]) -> int:
    """Rebuild the pages of the named experiments."""
    parser = argparse.ArgumentParser("report", description="Write each experiment's page anew.")
    parser.add_argument("experiments", nargs="+", help="folders, or names under experiments/")
    # Imported after parsing: drawing takes seconds to load.
    names = parser.parse_args(list(arguments)).experiments
    from reports.experiment import find_experiment, read_experiment
    from reports.experiment_page import experiment_page
    from reports.page import write_page

    try:
        folders = [find_experiment(name) for name in names]
    except ValueError as error:
        raise ConfigError(str(error)) from error
    for folder in folders:
        write_page(folder / PAGE, experiment_page(read_experiment(folder)))
        log.info("report: %s", folder / PAGE)
    return 0

"""``report EXPERIMENT…``: write each experiment's page anew; compare several, or groups of several seeds."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from cli.configuration.tool_parser import ToolParser
from experiment.contents import Experiment, read_experiment, read_seed
from experiment.errors import ConfigError
from experiment.folder import find_experiment, find_experiments
from experiment.layout import COMPARISON_FILE, GROUPS_FILE, REPORT_FILE
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
        description="Write each experiment's page anew; compare the others with the first. Or compare "
        "groups: seeds of one configuration with those of another.",
    )
    parser.add_argument("experiments", nargs="*", help="folders, or names under experiments/")
    parser.add_argument(
        "--group",
        action="append",
        metavar="NAME=EXPERIMENT,…",
        help="the experiments of one configuration under several seeds, as names, folders or patterns in "
        "quotes ('adamw=adamw_*'); given several times, the other groups are compared with the first",
    )
    options = parser.parse_args(list(arguments))
    if bool(options.experiments) == bool(options.group):
        parser.error("name experiments, or groups of them by --group")
    if options.group:
        _compare_groups(options.group)
    else:
        _write_pages(options.experiments)
    return 0


def _write_pages(names: Sequence[str]) -> None:
    # Imported after parsing: drawing takes seconds to load.
    from durable_files import write_durably
    from reports.comparisons.comparison_page import comparison_page
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


def _compare_groups(texts: Sequence[str]) -> None:
    folders = _groups(texts)
    from durable_files import write_durably
    from reports.comparisons.groups_page import groups_page

    groups = {name: _by_seed(name, members) for name, members in folders.items()}
    place = next(iter(folders.values()))[0]
    page = _of_data(place, partial(groups_page, groups))
    write_durably(place / GROUPS_FILE, page.text)
    for sentence in page.conclusions:
        log.info("%s", printable(sentence))
    log.info("comparison: %s", place / GROUPS_FILE)


def _groups(texts: Sequence[str]) -> dict[str, list[Path]]:
    """Find the folders of groups that are given as NAME=EXPERIMENT,EXPERIMENT."""
    groups: dict[str, list[Path]] = {}
    for text in texts:
        name, _, members = text.partition("=")
        if not name or not members or name in groups:
            raise ConfigError(
                f"report: --group must be NAME=EXPERIMENT,EXPERIMENT with a new name, got {printable(text)!r}"
            )
        named = [member for member in members.split(",") if member]
        found = [folder for member in named for folder in find_experiments(member)]
        groups[name] = list(dict.fromkeys(found))
    return groups


def _by_seed(name: str, folders: Sequence[Path]) -> dict[int, Experiment]:
    """Read the experiments of a group; no two may have the same seed."""
    found: dict[int, Experiment] = {}
    for folder in folders:
        seed = _of_data(folder, partial(read_seed, folder))
        if seed is None or seed in found:
            has = (
                "no seed_everything" if seed is None else f"seed {seed} like {printable(found[seed].folder)}"
            )
            raise ConfigError(
                f"report: the experiments of group {printable(name)} must differ in seed_everything, "
                f"{printable(folder)} has {has}"
            )
        found[seed] = _of_data(folder, partial(read_experiment, folder))
    return found


def _of_data(folder: Path, use: Callable[[], _Result]) -> _Result:
    """Use what an experiment's folder holds; whatever is wrong with it is one line."""
    try:
        return use()
    except FileError as error:
        raise ConfigError(f"report: {error}") from error
    except (OSError, ConfigError):
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

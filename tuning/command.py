"""``optuna.tune: true``: from a configuration to a finished search, and its exit status."""

import logging
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import optuna
from optuna.exceptions import StorageInternalError

from cli.configuration.search_request import SearchRequest
from cli.configuration.sections import Distribution, OptunaSection
from experiment.errors import ConfigError
from tuning.results import conclude
from tuning.search import TRAIN, Search, SearchPlan
from tuning.space.constraints import Constraint
from tuning.space.search_space import SearchSpace
from tuning.study.claims import Claims
from tuning.study.components import Samplers, build_pruner
from tuning.study.storage import claims_lock, is_address, journal_of, open_storage
from tuning.study.study import StudyIdentity, check_study, folder_of, open_study
from tuning.trials.devices import slots, visible_gpus
from tuning.trials.fork_server import ForkServer, ForkServerError, Task
from tuning.trials.rehearsal import rehearse
from tuning.trials.tasks import prepare, train

log = logging.getLogger(__name__)

TASKS: dict[str, Task] = {TRAIN: train, "prepare": prepare}
_BY_LANGUAGE = "val_per_"
_INTERRUPTED, _TERMINATED = 130, 143


class Terminated(SystemExit):
    """SIGTERM has come."""


def run_search(request: SearchRequest, tasks: Mapping[str, Task] = TASKS) -> int:
    """Run a search, or this worker's share of one; returns the exit status."""
    plan = plan_of(request)
    # Our own lines report what a trial came to; Optuna's warnings stay.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Forked now: this process has neither threads nor connections nor an accelerator yet.
    server = ForkServer(tasks)
    try:
        with _termination_as_exception():
            return _search(plan, server)
    except KeyboardInterrupt:
        log.warning("interrupted; start the search again to go on with it")
        return _INTERRUPTED
    except Terminated:
        log.warning("terminated; start the search again to go on with it")
        return _TERMINATED
    except ForkServerError as error:
        log.error("%s", error)
        return 1
    except StorageInternalError as error:
        log.error(
            "optuna.storage: it does not answer any more (%s); start the search again to go on with it",
            error,
        )
        return 1
    finally:
        server.close()


def _search(plan: SearchPlan, server: ForkServer) -> int:
    trainer = plan.base["trainer"]
    gpus = [] if trainer.get("accelerator") == "cpu" else visible_gpus()
    plan = plan._replace(slots=slots(trainer, plan.section.n_jobs, gpus))
    section = plan.section
    pruner = build_pruner(section.pruner, objectives=len(plan.metrics))
    in_journal = not is_address(section.storage)
    samplers = Samplers(section.sampler, plan.seed, salt="" if in_journal else _salt())
    _check_study(plan)
    rehearse(plan, server)
    plan.folder.mkdir(parents=True, exist_ok=True)
    storage = open_storage(section.storage, plan.folder)
    study = open_study(storage, plan.name, _identity(plan), plan.seed)
    study.pruner = pruner
    lock_file = claims_lock(section.storage, plan.folder)
    claims = Claims(study, storage, samplers, lock_file, section.n_trials, all_share_lock=in_journal)
    log.info("search %s: %d trials in all, %d at once", plan.name, section.n_trials, len(plan.slots))
    Search(plan, study, claims, server).run()
    return conclude(plan, study)


def _check_study(plan: SearchPlan) -> None:
    """Tell a wrong address, or a study that is another search, before hours of preparation."""
    journal = journal_of(plan.section.storage, plan.folder)
    if journal is None or journal.is_file():
        check_study(open_storage(plan.section.storage, plan.folder), plan.name, _identity(plan))


def plan_of(request: SearchRequest) -> SearchPlan:
    """Check everything that the configuration says about the search."""
    base = request.config
    section = _section(base["optuna"])
    _check_numbers(section)
    _check_checkpoint(base)
    metrics, directions = _goals(section, request)
    name = section.study_name or (
        f"{base['custom_folder_name']}_search" if base.get("custom_folder_name") else "search"
    )
    if Path(name).name != name:
        raise ConfigError(f"optuna.study_name: it names a folder, so it must have no '/', got {name!r}")
    space = SearchSpace.of(base, section.search_spaces, request.accepts)
    drawn = list(space.places())
    return SearchPlan(
        section,
        base,
        name,
        folder_of(base, name),
        space,
        [Constraint.of(text, base, drawn) for text in section.constraints],
        metrics,
        directions,
        int(base["seed_everything"] or 0),
        [{}],
    )


def _section(content: Mapping[str, Any]) -> OptunaSection:
    """The section as its class, out of plain YAML."""
    spaces = {path: Distribution(**spec) for path, spec in content["search_spaces"].items()}
    return OptunaSection(**{**content, "search_spaces": spaces})


def _check_numbers(section: OptunaSection) -> None:
    for name in ("n_trials", "n_jobs", "timeout", "trial_timeout"):
        number = getattr(section, name)
        if number is not None and not number > 0:
            raise ConfigError(f"optuna.{name} must be above 0, got {number}")


def _check_checkpoint(base: Mapping[str, Any]) -> None:
    checkpoint = base.get("ckpt_path")
    if checkpoint and not base.get("only_weights_load"):
        raise ConfigError(
            "ckpt_path: a search begins every trial anew; set only_weights_load: true, or drop it"
        )
    if checkpoint in ("best", "last"):
        raise ConfigError(f"ckpt_path: a search needs the checkpoint's own path, got {checkpoint!r}")


def _goals(section: OptunaSection, request: SearchRequest) -> tuple[list[str], list[str]]:
    """The metrics with a direction each."""
    metrics = list(section.metric) if isinstance(section.metric, list) else [section.metric]
    given = section.direction
    directions = [str(direction) for direction in given] if isinstance(given, list) else [str(given)]
    if len(metrics) != len(directions) or not metrics:
        raise ConfigError(
            f"optuna.direction must be given for each metric: {len(metrics)} metrics, "
            f"{len(directions)} directions"
        )
    for metric in metrics:
        # Of several languages, each has a figure of its own; which there are, the data will tell.
        if metric not in request.figures and not metric.startswith(_BY_LANGUAGE):
            raise ConfigError(f"optuna.metric must be among {', '.join(request.figures)}, got {metric!r}")
    if len(set(metrics)) != len(metrics):
        raise ConfigError(f"optuna.metric: {metrics[0]} stands twice")
    return metrics, directions


def _identity(plan: SearchPlan) -> StudyIdentity:
    spaces = plan.base["optuna"]["search_spaces"]
    return StudyIdentity(plan.base, spaces, plan.section.constraints, plan.metrics, plan.directions)


def _salt() -> str:
    """Workers that share no folder may draw at the same moment: let them draw differently."""
    import secrets

    return secrets.token_hex(8)


@contextmanager
def _termination_as_exception() -> Iterator[None]:
    """SIGTERM ends the search as Ctrl-C does: its trials are given back."""

    def end(*_: object) -> NoReturn:
        raise Terminated(_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

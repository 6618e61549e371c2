"""``optuna.tune: true``: run a search and return the exit status."""

import logging
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError

from cli.configuration.sections import SearchRequest
from durable_files import named_in_errors, write_durably
from experiment.layout import REPORT_FILE
from stop_signals import Stopped, handled, report
from tuning.results import SearchResult, log_result, write_result
from tuning.search import Search
from tuning.search_plan import SearchPlan
from tuning.space.parameters import all_parameters
from tuning.study.claims import Claims
from tuning.study.components import Samplers, build_pruner
from tuning.study.storage import SearchStorage
from tuning.study.study import check_study, open_study, search_identity
from tuning.trials.devices import environments_here
from tuning.trials.fork_server import ForkServer, ForkServerError, Task
from tuning.trials.shared_preparation import PREPARE, example_configurations, prepare, prepare_shared
from tuning.trials.trial_run import TRAIN, train
from wording import number_of

log = logging.getLogger(__name__)

TASKS: dict[str, Task] = {TRAIN: train, PREPARE: prepare}
_RESUME = "the same command continues it"


def run_search(request: SearchRequest, tasks: Mapping[str, Task] = TASKS) -> int:
    """Run a search, or this worker's share of one; returns the exit status."""
    plan = SearchPlan.of(request)
    return with_server(plan.folder, tasks, lambda server: _search(plan, server))


def with_server(folder: Path, tasks: Mapping[str, Task], run: Callable[[ForkServer], int]) -> int:
    """Run what starts trials and writes into a folder; returns the exit status."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # our own lines report each trial
    # Forked now: this process has neither connections nor an accelerator yet, and no thread but its main one
    # and the one that receives signals, which holds no lock.
    server = ForkServer(tasks)
    try:
        with handled(), named_in_errors(folder):
            return run(server)
    except Stopped as stop:
        return report(Stopped(stop.number, _RESUME))
    except ForkServerError as error:
        log.error("%s; %s", error, _RESUME)
        return 1
    except StorageInternalError as error:
        log.error("optuna.storage: it does not answer any more (%s); %s", error, _RESUME)
        return 1
    finally:
        server.close()


def _search(plan: SearchPlan, server: ForkServer) -> int:
    section = plan.section
    environments = environments_here(plan.base["trainer"], section.n_jobs)
    storage = SearchStorage(section.storage, plan.folder)
    pruner = build_pruner(section.pruner, objectives=len(plan.metrics))
    # Workers that share no lock may draw at the same moment: a salt makes them draw different values.
    samplers = Samplers(
        section.sampler, plan.seed, salt="" if storage.has_common_lock else secrets.token_hex(8)
    )
    samplers.check_grid([parameter.name for parameter in all_parameters(plan.space.parameters)])
    if storage.exists:  # a wrong address, or another search of this name, is refused before the preparation
        check_study(storage.connection, plan.name, search_identity(plan))
    prepare_shared(plan.name, example_configurations(plan), environments[0], server)
    plan.folder.mkdir(parents=True, exist_ok=True)
    study = open_study(storage.connection, plan, pruner, search_identity(plan))
    claims = Claims(study, storage, samplers, section.n_trials)
    log.info(
        "search %s: %s in all, %d at once", plan.name, number_of(section.n_trials, "trial"), len(environments)
    )
    Search(plan, study, claims, server, environments).run()
    return _conclude(plan, SearchResult.of(plan.name, plan.metrics, study))


def _conclude(plan: SearchPlan, result: SearchResult) -> int:
    # Imported only now: drawing takes seconds to load, which every start of a worker would pay.
    from tuning.search_page import search_page

    write_result(plan, result)
    write_durably(plan.folder / REPORT_FILE, search_page(result))
    return log_result(plan, result, plan.folder / REPORT_FILE)

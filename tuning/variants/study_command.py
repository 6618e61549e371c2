"""``study.run: true``: tune and repeat variants, and compare them."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from optuna.pruners import NopPruner
from optuna.study import Study
from optuna.trial import FixedTrial

from cli.configuration.sections import StudyRequest
from durable_files import write_durably
from experiment.errors import IncompleteError
from experiment.layout import REPORT_FILE
from tuning.command import TASKS, with_server
from tuning.search import Search
from tuning.search_plan import SearchPlan
from tuning.study.claims import Claims
from tuning.study.components import Samplers, hashed_seed
from tuning.study.storage import SearchStorage
from tuning.study.study import STUDY_SEED, best_trials, check_study, open_study, search_identity
from tuning.trials.devices import environments_here
from tuning.trials.fork_server import ForkServer, Task
from tuning.trials.shared_preparation import example_configurations, prepare_shared
from tuning.variants.study_plan import StudyPlan
from tuning.variants.study_result import StudyResult
from tuning.variants.variant_runs import RepeatedRuns, RunOrder, TuningSearch, complete, evenly_spaced
from wording import number_of

log = logging.getLogger(__name__)


def run_study(request: StudyRequest, tasks: Mapping[str, Task] = TASKS) -> int:
    """Run a study, or this worker's share of one; returns the exit status."""
    plan = StudyPlan.of(request)
    return with_server(plan.folder, tasks, lambda server: _study(plan, server))


class _Worker(NamedTuple):
    """What all searches of a study share."""

    plan: StudyPlan
    server: ForkServer
    environments: Sequence[Mapping[str, str]]
    storage: SearchStorage

    def claims(self, study: Study, samplers: Samplers, n_trials: int) -> Claims:
        """Return what gives this worker the trials of a search."""
        return Claims(study, self.storage, samplers, n_trials)

    def tuning_of(self, plan: SearchPlan, seed: int) -> TuningSearch:
        """Return the search of a variant; equal seeds give all variants the same first draws."""
        plan = plan._replace(seed=seed)
        salt = "" if self.storage.has_common_lock else secrets.token_hex(8)
        study = open_study(self.storage.connection, plan, NopPruner(), search_identity(plan))
        n_trials = plan.section.n_trials
        claims = self.claims(study, Samplers(evenly_spaced(plan.space, n_trials), seed, salt), n_trials)
        return TuningSearch(plan, study, claims, self.server, self.environments)

    def repeats(self, study: Study, configs: Mapping[str, dict[str, Any]], seed: int) -> RepeatedRuns:
        """Return the runs of the tuned variants."""
        seeds = [hashed_seed(seed, "run", number) for number in range(self.plan.section.seeds)]
        runs = self.plan.runs_of(list(configs))
        claims = self.claims(study, RunOrder(list(configs), seeds), runs.section.n_trials)
        return RepeatedRuns(runs, study, claims, self.server, self.environments, configs, seeds)


def _study(plan: StudyPlan, server: ForkServer) -> int:
    configs = {name: variant.base for name, variant in plan.variants.items()}
    environments = environments_here(configs[plan.baseline]["trainer"], plan.section.n_jobs)
    worker = _Worker(plan, server, environments, SearchStorage(plan.section.storage, plan.folder))
    if worker.storage.exists:
        check_study(worker.storage.connection, plan.name, plan.identity)
    for name, variant in plan.variants.items():
        title = f"study {plan.name}, variant {name}"
        configurations = example_configurations(variant._replace(name=plan.name))
        prepare_shared(title, configurations, environments[0], server)
    plan.folder.mkdir(parents=True, exist_ok=True)
    study = open_study(worker.storage.connection, plan.runs_of(list(configs)), NopPruner(), plan.identity)
    seed = int(study.user_attrs[STUDY_SEED])  # of the start that began the study
    searches: dict[str, Search] = {}
    if plan.section.tune:
        log.info("study %s: tuning %s", plan.name, number_of(len(configs), "variant"))
        searches = {
            name: worker.tuning_of(one, hashed_seed(seed, "tuning")) for name, one in plan.variants.items()
        }
        complete([*searches.values()])
        configs = _tuned(searches, plan.baseline)
    repeats = worker.repeats(study, configs, seed)
    number = number_of(repeats.plan.section.n_trials, "run")
    log.info("study %s: %s, each variant with each seed", plan.name, number)
    complete([repeats])
    return _conclude(plan, StudyResult.of(plan, study, {name: one.study for name, one in searches.items()}))


def _tuned(searches: Mapping[str, Search], baseline: str) -> dict[str, dict[str, Any]]:
    """Return the best configuration of each variant; one whose tuning found none is left out."""
    configs = {}
    for name, search in searches.items():
        if best := best_trials(search.study):
            configs[name] = search.plan.draw(FixedTrial(best[0].params))
            continue
        fault = (
            f"study.variants.{name}: none of its tuning trials has a value; their logs are in "
            f"{search.plan.folder}"
        )
        if name == baseline:
            raise IncompleteError(fault)
        log.error("%s; it is left out", fault)
    return configs


def _conclude(plan: StudyPlan, result: StudyResult) -> int:
    # Imported only now: drawing takes seconds to load, which every start of a worker would pay.
    from tuning.variants.study_page import study_page

    result.write(plan.folder)
    write_durably(plan.folder / REPORT_FILE, study_page(result))
    for line in result.in_words():
        log.info("%s", line)
    log.info("report: %s", plan.folder / REPORT_FILE)
    if any(variant.mean.seeds for variant in result.variants):
        return 0
    log.error("no run has a %s; the logs of the runs are in %s", plan.test_metric, plan.folder)
    return 1

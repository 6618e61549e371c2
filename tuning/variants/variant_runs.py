"""The two stages of a study as searches: each variant is tuned, then each is run with every seed."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from tuning.search import Search
from tuning.space.search_space import SearchSpace
from tuning.study.components import Samplers
from tuning.study.study import count
from wording import number_of

log = logging.getLogger(__name__)

VARIANT, RUN_SEED = "variant", "seed"  # parameters of a run
_LOOK_EVERY_S = 1.0
_SPACED: dict[str, Callable[[float, float, int], NDArray[np.float64]]] = {
    "uniform": np.linspace,
    "loguniform": np.geomspace,
}


class TuningSearch(Search):
    """The search of one variant: all of its trials have one seed."""

    def run(self) -> None:
        """Run until no trial is left."""
        if count(self.study).begun < self.plan.section.n_trials:
            log.info("%s: %s", self.plan.name, number_of(self.plan.section.n_trials, "trial"))
        super().run()

    def seed_of(self, trial: Trial) -> int:  # noqa: ARG002
        """Return the seed of the study's tuning."""
        return self.seed


@dataclass
class RepeatedRuns(Search):
    """The runs of all variants, each tested at its end."""

    configs: Mapping[str, dict[str, Any]]  # by variant
    seeds: Sequence[int]

    is_tested = True

    def draw(self, trial: Trial) -> dict[str, Any]:
        """Return the configuration of the trial's variant."""
        return self.configs[trial.suggest_categorical(VARIANT, list(self.configs))]

    def seed_of(self, trial: Trial) -> int:
        """Return the trial's seed."""
        return trial.suggest_categorical(RUN_SEED, self.seeds)


class RunOrder(Samplers, BaseSampler):
    """Gives each trial a variant and a seed by its number: the variants in turn, seed after seed.

    >>> order = RunOrder(["a", "b"], [7, 8])
    >>> [order.run_of(number) for number in range(4)]
    [('a', 7), ('b', 7), ('a', 8), ('b', 8)]
    """

    grid_points = None

    def __init__(self, variants: Sequence[str], seeds: Sequence[int]) -> None:
        self._variants, self._seeds = variants, seeds

    def run_of(self, number: int) -> tuple[str, int]:
        """Return the variant and the seed of a trial."""
        turn, place = divmod(number, len(self._variants))
        return self._variants[place], self._seeds[turn % len(self._seeds)]

    def for_trial(self, number: int) -> BaseSampler:  # noqa: ARG002
        """Return this sampler, which goes by the number that the trial really gets."""
        return self

    def infer_relative_search_space(self, *_: object) -> dict[str, BaseDistribution]:
        """Draw each parameter by itself."""
        return {}

    def sample_relative(self, *_: object) -> dict[str, Any]:
        """Draw nothing jointly."""
        return {}

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> str | int:
        """Return the trial's variant or seed."""
        variant, seed = self.run_of(trial.number)
        return variant if param_name == VARIANT else seed


def evenly_spaced(space: SearchSpace, n_trials: int) -> dict[str, Any] | None:
    """Return a sampler of evenly spaced values for a space that is one range; None for any other."""
    names = [parameter.name for parameter in space.parameters]
    distribution = space.parameters[0].distribution
    if len(names) > 1 or distribution.distribution not in _SPACED or n_trials == 1:
        return None
    low, high = float(distribution.low or 0.0), float(distribution.high or 0.0)
    values = _SPACED[distribution.distribution](low, high, n_trials)
    grid = {names[0]: [float(value) for value in np.clip(values, low, high)]}
    return {"class_path": "optuna.samplers.GridSampler", "init_args": {"search_space": grid}}


def complete(searches: Sequence[Search]) -> None:
    """Run searches until all of their trials have ended, also those of other workers."""
    while True:
        for search in searches:
            search.run()
        if all(count(search.study).finished >= search.plan.section.n_trials for search in searches):
            return
        time.sleep(_LOOK_EVERY_S)

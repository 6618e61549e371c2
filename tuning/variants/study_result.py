"""The results of a study: one object for the log, ``study.json`` and the report."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

import numpy as np
from optuna.study import Study

from durable_files import write_durably
from evaluation.comparison import UtteranceKey
from evaluation.seeds.conclusions import ERRORS, Quantity, seeds_in_words
from evaluation.seeds.crossed import crossed_mean
from evaluation.seeds.differences import SeedDifference, SeedResults, compare_seeds
from evaluation.seeds.means import Ends, SeedMean, seed_mean
from tuning.study.study import best_trials, is_trial
from tuning.variants.run_record import RunRecord
from tuning.variants.study_plan import StudyPlan
from tuning.variants.variant_runs import RUN_SEED, VARIANT

STUDY_FILE = "study.json"
_OTHER_DATA = "its test data are not the baseline's: other utterances, or other numbers of phonemes"
_LEVELS = (1.5, 1.2, 1.0)  # times the baseline's mean best validation


class Reached(NamedTuple):
    """When the runs of a variant reached a level; medians, None where fewer than half of them did."""

    level: float
    runs: int
    steps: float | None
    seconds: float | None


class VariantResult(NamedTuple):
    """The tuning and the runs of one variant."""

    name: str
    tuning: Sequence[RunRecord]
    chosen: Mapping[str, Any]  # the parameters of the best tuning trial
    runs: Sequence[RunRecord]
    units: Mapping[UtteranceKey, int]  # the utterances of the comparison and their phonemes

    @property
    def results(self) -> SeedResults:
        """The metric on test data by seed, and the errors by utterance if it counts those."""
        by_seed = {int(run.parameters[RUN_SEED]): run for run in self.runs}
        values = {seed: math.nan if run.tested is None else run.tested for seed, run in by_seed.items()}
        counts = {seed: run.errors for seed, run in by_seed.items() if run.errors}
        errors = {seed: np.array([one[key] for key in self.units]) for seed, one in counts.items()}
        return SeedResults(self.name, values, errors, np.array([*self.units.values()]) if errors else None)

    @property
    def mean(self) -> SeedMean:
        """The mean over seeds."""
        return seed_mean(self.results.values)

    @property
    def interval_with_utterances(self) -> Ends | None:
        """The interval of other seeds and other utterances; None where errors are not known by utterance."""
        _, _, errors, lengths = self.results
        found = None if lengths is None else crossed_mean([*errors.values()], lengths)
        return found.ends() if found else None

    @property
    def budget(self) -> dict[str, float]:
        """What tuning and runs have used together."""
        all_runs = [*self.tuning, *self.runs]
        return {
            "tuning_trials": len(self.tuning),
            "seeds": len(self.runs),
            "failed": sum(run.failure is not None for run in all_runs),
            "steps": sum(run.costs.step for run in all_runs),
            "processor_seconds": round(sum(run.costs.processor_seconds for run in all_runs), 1),
        }

    @property
    def cost_of_a_run(self) -> dict[str, float]:
        """Means over the runs that reached a validation."""
        costs = [run.costs for run in self.runs if run.costs.step]
        if not costs:
            return {}
        return {
            "seconds_per_step": fmean(one.seconds / one.step for one in costs),
            "memory_bytes": fmean(one.memory_bytes for one in costs),
            "optimizer_bytes": fmean(one.optimizer_bytes for one in costs),
        }

    def reached(self, level: float) -> Reached:
        """Return when the runs reached a level."""
        firsts = [run.first_at(level) for run in self.runs] or [None]
        steps, seconds = (
            median(math.inf if first is None else first[place] for first in firsts) for place in (0, 1)
        )
        return Reached(level, sum(first is not None for first in firsts), _finite(steps), _finite(seconds))


class StudyResult(NamedTuple):
    """The variants of a study at one moment."""

    plan: StudyPlan
    variants: Sequence[VariantResult]
    differences: Sequence[SeedDifference]  # of each other variant to the baseline

    @classmethod
    def of(cls, plan: StudyPlan, study: Study, tunings: Mapping[str, Study]) -> "StudyResult":
        """Read the studies and the folders of their trials."""
        metric = plan.section.metric
        runs = [
            RunRecord.of(trial, plan.folder, metric, plan.test_metric)
            for trial in study.get_trials(deepcopy=False)
            if is_trial(trial)
        ]
        of_variant = {
            name: [run for run in runs if run.parameters.get(VARIANT) == name] for name in plan.variants
        }
        in_order = [*of_variant[plan.baseline], *runs]
        units = next((run.units for run in in_order if run.units), {})
        variants = {}
        for name, variant in plan.variants.items():
            tuning = tunings.get(name)
            trials = filter(is_trial, tuning.get_trials(deepcopy=False)) if tuning else ()
            records = [RunRecord.of(trial, variant.folder, metric) for trial in trials]
            best = best_trials(tuning) if tuning else []
            comparable = [_comparable(run, units) for run in of_variant[name]]
            variants[name] = VariantResult(name, records, best[0].params if best else {}, comparable, units)
        results = {name: one.results for name, one in variants.items()}
        baseline = results.pop(plan.baseline)
        return cls(plan, [*variants.values()], compare_seeds(baseline, [*results.values()]))

    @property
    def baseline(self) -> VariantResult:
        """The variant that the others are compared with."""
        return next(one for one in self.variants if one.name == self.plan.baseline)

    @property
    def levels(self) -> list[float]:
        """The levels for which steps and seconds are counted."""
        if self.plan.section.levels is not None:
            return self.plan.section.levels
        best = [run.value for run in self.baseline.runs if run.value is not None]
        return [factor * fmean(best) for factor in _LEVELS] if best else []

    def write(self, folder: Path) -> None:
        """Write all of it for programs."""
        text = json.dumps(_plain(self._as_data()), indent=1, ensure_ascii=False, default=str)
        write_durably(folder / STUDY_FILE, f"{text}\n")

    def in_words(self) -> list[str]:
        """Return what may be concluded, for each other variant."""
        metric = self.plan.test_metric
        loss = Quantity(f"a lower {metric}", f"a higher {metric}", "", 1.0)
        never_run = {one.name for one in self.variants if not one.runs}
        return [
            f"{one.name} was not run: none of its tuning trials has a value."
            if one.name in never_run
            else seeds_in_words(one, loss if metric.endswith("loss") else ERRORS)
            for one in self.differences
        ]

    def _as_data(self) -> dict[str, Any]:
        section = self.plan.section
        return {
            "study": self.plan.name,
            "metric": section.metric,
            "test_metric": self.plan.test_metric,
            "baseline": self.plan.baseline,
            "equal_budgets": section.equal_budgets,
            "conclusions": self.in_words(),
            "differences": self.differences,
            "variants": {one.name: self._variant_data(one) for one in self.variants},
        }

    def _variant_data(self, variant: VariantResult) -> dict[str, Any]:
        return {
            "result": variant.mean,
            "interval_with_utterances": variant.interval_with_utterances,
            "budget": variant.budget,
            **variant.cost_of_a_run,
            "levels": [variant.reached(level) for level in self.levels],
            "chosen": variant.chosen,
            "tuning": variant.tuning,
            "runs": [
                run._replace(units={}, errors={}) for run in variant.runs
            ],  # they have their utterance records
        }


def _comparable(run: RunRecord, units: Mapping[UtteranceKey, int]) -> RunRecord:
    """Leave the result of other test data out."""
    if not run.units or run.units == units:
        return run
    return run._replace(tested=None, errors={}, failure=_OTHER_DATA)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any part of the results
    """Name the fields of tuples, which JSON would write as lists."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""The outcome of a trial's reports after its process has ended."""

import json

import optuna
import pytest

from tuning.trials.running_trial import Report, RunningTrial, TrialFailure, values_of
from tuning.trials.trial_run import REPORTS


@pytest.fixture
def running(tmp_path):
    """A trial whose pruner ends everything above 0.4."""
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.4))
    return RunningTrial(study.ask(), 1, 0, tmp_path, ["val_loss"], None)


def report(running, *losses):
    lines = [
        json.dumps({"validation": place, "figures": {"val_loss": loss}}) for place, loss in enumerate(losses)
    ]
    (running.folder / REPORTS).write_text("".join(f"{line}\n" for line in lines))


def test_a_trial_that_ended_between_two_looks_has_the_value_of_its_best_validation(running):
    report(running, 0.3, 0.9, 0.1)  # the second one would be pruned
    assert running.outcome(0, minimize=True) == [0.1]
    assert running.trial.study.trials[0].intermediate_values == {0: 0.3, 1: 0.9, 2: 0.1}


def test_a_value_that_is_not_a_number_counts_also_after_one_to_prune(running):
    report(running, 0.9, float("nan"))
    outcome = running.outcome(0, minimize=True)
    assert isinstance(outcome, TrialFailure)
    assert outcome.kind == "nan"


def test_a_metric_may_come_later_than_the_first_validation():
    reports = [Report(0, {"val_loss": 0.2}), Report(1, {"train_loss": 3.0}), Report(2, {"train_loss": 2.0})]
    assert values_of(reports, ["train_loss"], minimize=True) == [2.0]
    assert isinstance(values_of(reports, ["val_loss"], minimize=True), TrialFailure)

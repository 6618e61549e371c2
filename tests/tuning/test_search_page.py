"""The report of a search, from studies of every kind."""

import optuna
import pytest

from tuning.results import SearchResult
from tuning.search_page import importances, search_page
from tuning.study.study import KIND, REASON, best_trials


def study_of(number, directions=("minimize",)):
    """Trials over a rate that matters, a size that does not, and an optimizer."""
    study = optuna.create_study(directions=directions, sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(number):
        trial = study.ask()
        rate = trial.suggest_float("model.lr", 1e-5, 1, log=True)
        trial.suggest_int("data.batch_size", 1, 9)
        kind = trial.suggest_categorical("model.optimizer", ["AdamW", "SGD <&>"])
        if kind != "AdamW":
            trial.suggest_float("model.optimizer[SGD <&>].momentum", 0, 1)
        if len(directions) == 1:
            trial.report(2 * rate, 0)
            trial.report(rate, 1)
        study.tell(trial, [rate, 1 - rate][: len(directions)])
    return study


def fail(study, reason):
    trial = study.ask()
    trial.set_user_attr(KIND, "error")
    trial.set_user_attr(REASON, reason)
    study.tell(trial, state=optuna.trial.TrialState.FAIL)


def test_a_report_shows_the_trials_and_the_importances():
    study = study_of(30)
    fail(study, "RuntimeError: <boom>")
    text = search_page(SearchResult.of("demo", ["val_per"], study))
    for title in (
        "History of val_per",
        "Parallel coordinates",
        "Parameter importance",
        "Intermediate values",
    ):
        assert f"<h2>{title}" in text
    assert "RuntimeError: &lt;boom&gt;" in text
    assert "<boom>" not in text
    assert "SGD <&>" not in text
    shares = importances(SearchResult.of("demo", ["val_per"], study), 0)
    assert shares["model.lr"] == max(shares.values())


def test_trials_that_were_pruned_at_their_first_validation_are_seen():
    study = study_of(5)
    trial = study.ask()
    trial.report(1.0, 0)
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    assert "of 6 trials, 1 of them pruned" in search_page(SearchResult.of("demo", ["val_per"], study))


def test_parameters_of_the_same_name_have_a_bar_each():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(8):
        trial = study.ask()
        gains = [
            trial.suggest_float(f"data.augmentations[{n}].init_args.max_amplitude", 0, 1) for n in (0, 1)
        ]
        study.tell(trial, sum(gains))
    text = search_page(SearchResult.of("demo", ["val_per"], study))
    bars = text[text.index("<h2>Parameter importance") : text.index("<h2>Trials")]
    assert all(f">augmentations[{n}].max_amplitude<" in bars for n in (0, 1))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_report_is_written_for_few_trials_too(number):
    study = study_of(number)
    fail(study, "x")
    text = search_page(SearchResult.of("demo", ["val_per"], study))
    assert "<h2>Trials" in text
    assert ("No trial has a value yet" in text) == (number == 0)


def test_two_metrics_show_their_trade_off():
    text = search_page(
        SearchResult.of("demo", ["val_per", "val_loss"], study_of(6, ("minimize", "minimize")))
    )
    assert "6 of 6 trials are beaten by none" in text
    assert "History of val_loss" in text


def test_the_best_of_a_maximized_study_is_the_largest():
    study = study_of(9, ("maximize",))
    (best,) = best_trials(study)
    assert best.value == max(trial.value for trial in study.trials)


def test_seeds_have_no_importance():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(20):
        trial = study.ask()
        rate = trial.suggest_float("model.lr", 1e-5, 1, log=True)
        seeds = [trial.suggest_int(name, 0, 9) for name in ("seed_everything", "data.seed")]
        study.tell(trial, rate + sum(seeds))
    shares = importances(SearchResult.of("demo", ["val_per"], study), 0)
    assert list(shares) == ["model.lr"]

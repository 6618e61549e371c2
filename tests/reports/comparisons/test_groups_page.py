"""The report that compares groups of experiments over their seeds."""

import re

import pytest

from evaluation.error_analysis import analyse
from experiment.contents import Experiment
from experiment.errors import ConfigError
from reports.comparisons.groups_page import groups_page


@pytest.fixture(scope="module")
def experiment(noisy_records, tmp_path_factory):
    place = tmp_path_factory.mktemp("experiments")

    def make(name, seed, error_rate=None, settings="lr: 0.1"):
        configuration = f"seed_everything: {seed}\ncustom_folder_name: {name}\nmodel: {{{settings}}}"
        analyses = {}
        if error_rate is not None:
            noise = seed + round(1000 * error_rate)
            analyses = {"test": analyse("test", noisy_records(40, error_rate=error_rate, seed=noise))}
        return Experiment(
            name, place / name, {}, {}, {}, None, {}, configuration, {}, None, analyses=analyses
        )

    return make


@pytest.fixture(scope="module")
def groups(experiment):
    rates = {"adamw": 0.3, "fam": 0.1, "sgd": 0.301}
    return {
        name: {seed: experiment(f"{name}_{seed}", seed, rate, f"optimizer: {name}") for seed in range(1, 4)}
        for name, rate in rates.items()
    }


def plain(text):
    return re.sub(r"<[^>]+>", " ", text)


def test_the_report_states_means_differences_and_conclusions(groups):
    page = groups_page(groups)
    assert page.conclusions[0].startswith("fam has fewer errors than adamw: -1")
    assert page.conclusions[1].startswith("No difference shown between adamw and sgd")
    rates = [one.analyses["test"].phoneme_error_rate for one in groups["adamw"].values()]
    text = plain(page.text)
    assert f"{100 * sum(rates) / 3:.2f}\u00a0%" in text
    assert "model.optimizer" in text
    assert "custom_folder_name" not in text
    assert "differ in more than the seed" not in text
    assert "corrected for 2 comparisons" in text
    assert "adamw_1" in text


def test_a_run_without_records_is_named_and_left_out(groups, experiment):
    page = groups_page({**groups, "fam": {**groups["fam"], 2: experiment("fam_2", 2)}})
    assert "2 seeds" in page.conclusions[0]
    assert "Left out, without a result of both: seed 2." in page.conclusions[0]


def test_a_group_that_failed_altogether_has_no_conclusion(groups, experiment):
    failed = {1: experiment("fam_1", 1)}
    page = groups_page({"adamw": groups["adamw"], "fam": failed})
    assert "no seed in common: nothing can be concluded" in page.conclusions[0]


def test_one_group_shows_its_mean(groups):
    page = groups_page({"fam": groups["fam"]})
    assert page.conclusions == []
    assert "Means over seeds" in page.text
    assert "What may be concluded" not in page.text


def test_settings_that_differ_within_a_group_are_a_warning(groups, experiment):
    mixed = {1: experiment("a", 1, 0.1, "lr: 0.1"), 2: experiment("b", 2, 0.1, "lr: 0.2")}
    text = plain(groups_page({"adamw": groups["adamw"], "fam": mixed}).text)
    assert "The experiments of fam differ in more than the seed" in text


def test_runs_of_a_study_differ_in_the_folder_that_they_report_into(groups):
    trainer = "trainer: {{callbacks: [{{init_args: {{path: trials/{}}}}}]}}"
    runs = {
        seed: one._replace(configuration=f"{one.configuration}\n{trainer.format(seed)}")
        for seed, one in groups["fam"].items()
    }
    text = plain(groups_page({"adamw": groups["adamw"], "fam": runs}).text)
    assert "differ in more than the seed" not in text
    assert "init_args.path" not in text


def test_groups_without_records_or_common_utterances_are_a_mistake(groups, experiment):
    with pytest.raises(ConfigError, match="has utterance records"):
        groups_page({"a": {1: experiment("a", 1)}})
    (other,) = ({7: experiment("other", 7, 0.1)},)
    records = [record._replace(id=f"other {record.id}") for record in other[7].analyses["test"].records]
    other[7] = other[7]._replace(analyses={"test": analyse("test", records)})
    with pytest.raises(ConfigError, match="no utterance of the test split in common"):
        groups_page({"a": groups["adamw"], "b": other})

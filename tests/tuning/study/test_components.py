"""Samplers: their seeds make workers differ and starts agree."""

import optuna
import pytest

from experiment.errors import ConfigError
from tuning.study.components import Samplers, build_pruner

RANDOM = {"class_path": "optuna.samplers.RandomSampler", "init_args": {"seed": 3}}


def draw(samplers, number):
    study = optuna.create_study(sampler=samplers.for_trial(number))
    return study.ask().suggest_float("x", 0, 1)


@pytest.mark.parametrize("content", [None, RANDOM])
def test_a_trials_draw_follows_from_seed_and_number(content):
    first = [draw(Samplers(content, 1), number) for number in range(5)]
    assert first == [draw(Samplers(content, 1), number) for number in range(5)]
    assert len(set(first)) == 5


def test_workers_without_a_common_lock_draw_differently():
    assert draw(Samplers(None, 1, "a"), 0) != draw(Samplers(None, 1, "b"), 0)


def test_a_samplers_own_seed_counts():
    other = {**RANDOM, "init_args": {"seed": 4}}
    assert draw(Samplers(RANDOM, 1), 0) != draw(Samplers(other, 1), 0)
    assert draw(Samplers(RANDOM, 1), 0) == draw(Samplers(RANDOM, 2), 0)


def test_a_grid_is_the_same_for_all():
    grid = {
        "class_path": "optuna.samplers.GridSampler",
        "init_args": {"search_space": {"x": [1, 2]}, "seed": 1},
    }
    samplers = Samplers(grid, 1)
    assert samplers.for_trial(0) is samplers.for_trial(5)


@pytest.mark.parametrize("content", [{}, {"class_path": 3}, {"class_path": "a.B", "seed": 1}, {"name": "x"}])
def test_what_is_no_component_is_refused(content):
    with pytest.raises(ConfigError, match=r"optuna\.(sampler|pruner)"):
        Samplers(content, 1)
    with pytest.raises(ConfigError, match=r"optuna\.pruner"):
        build_pruner(content, objectives=1)


def test_the_pruner_is_optunas_default_for_one_metric_and_none_for_two():
    assert isinstance(build_pruner(None, objectives=1), optuna.pruners.MedianPruner)
    assert isinstance(build_pruner(None, objectives=2), optuna.pruners.NopPruner)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [(["model.lr", "data.seed"], "it lacks data.seed"), ([], "model.lr is not there")],
)
def test_a_grid_names_the_paths_of_the_search_space(parameters, message):
    grid = {"class_path": "optuna.samplers.GridSampler", "init_args": {"search_space": {"model.lr": [1, 2]}}}
    with pytest.raises(ConfigError, match=message):
        Samplers(grid, 1).check_grid(parameters)


def test_only_grids_must_name_the_paths():
    Samplers(RANDOM, 1).check_grid(["model.lr"])

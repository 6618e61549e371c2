"""Search spaces: what is drawn, under which conditions, and what is refused."""

import math

import optuna
import pytest

from cli.configuration.sections import Distribution
from experiment.errors import ConfigError
from tuning.space.parameters import all_parameters
from tuning.space.search_space import SearchSpace, configuration

ADAM = {
    "class_path": "torch.optim.Adam",
    "init_args": {"lr": {"distribution": "loguniform", "low": 1e-4, "high": 1e-2}},
}
SGD = {
    "class_path": "torch.optim.SGD",
    "init_args": {
        "lr": {"distribution": "loguniform", "low": 1e-2, "high": 1.0},
        "momentum": {"distribution": "uniform", "low": 0.5, "high": 0.9},
    },
}
BASE = {
    "model": {"lr": 0.1, "optimizer": "AdamW", "momentum": None, "step_size": 2, "optimizer_params": None},
    "data": {"augmentations": [{"init_args": {"p": 0.5, "size": 3}}], "batch_size": 4},
    "trainer": {"max_epochs": 3},
}


def space_of(**spaces):
    return SearchSpace.of(
        BASE, {path.replace("__", "."): Distribution(**spec) for path, spec in spaces.items()}
    )


def names_of(space):
    """The parameters of a search space, those within choices too."""
    return [parameter.name for parameter in all_parameters(space.parameters)]


def drawn(space, number=40):
    """Configurations of a study's random trials."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    return [configuration(BASE, space.draw(study.ask())) for _ in range(number)]


def test_the_distributions_draw_what_they_say():
    space = space_of(
        model__lr={"distribution": "loguniform", "low": 1e-6, "high": 1.0},
        data__batch_size={"distribution": "int", "low": 2, "high": 10, "step": 4},
        trainer__max_epochs={"distribution": "int", "low": 1, "high": 1000, "log": True},
        model__momentum={"distribution": "uniform", "low": 0.5, "high": 0.6},
        model__step_size={"distribution": "discrete_uniform", "low": 0, "high": 1, "step": 0.25},
        model__optimizer={"distribution": "categorical", "choices": ["AdamW", None, 3, 2.5, True]},
    )
    configs = drawn(space, 200)
    models = [config["model"] for config in configs]
    assert sum(model["lr"] < 1e-3 for model in models) == pytest.approx(100, abs=30)  # half of the decades
    assert {config["data"]["batch_size"] for config in configs} == {2, 6, 10}
    epochs = [config["trainer"]["max_epochs"] for config in configs]
    assert all(isinstance(number, int) for number in epochs)
    assert sum(number < math.sqrt(1000) for number in epochs) == pytest.approx(100, abs=30)
    assert all(0.5 <= model["momentum"] <= 0.6 for model in models)
    assert {model["step_size"] for model in models} == {0, 0.25, 0.5, 0.75, 1}
    assert {repr(model["optimizer"]) for model in models} == {"'AdamW'", "None", "3", "2.5", "True"}


def test_whole_components_are_choices_with_parameters_of_their_own():
    space = space_of(model__optimizer={"distribution": "categorical", "choices": [ADAM, SGD]})
    assert names_of(space) == [
        "model.optimizer",
        "model.optimizer[Adam].init_args.lr",
        "model.optimizer[SGD].init_args.lr",
        "model.optimizer[SGD].init_args.momentum",
    ]
    seen = set()
    for config in drawn(space):
        optimizer = config["model"]["optimizer"]
        seen.add(optimizer["class_path"])
        if optimizer["class_path"] == "torch.optim.SGD":
            assert 1e-2 <= optimizer["init_args"]["lr"] <= 1
            assert 0.5 <= optimizer["init_args"]["momentum"] <= 0.9
        else:
            assert set(optimizer["init_args"]) == {"lr"}
            assert 1e-4 <= optimizer["init_args"]["lr"] <= 1e-2
    assert len(seen) == 2


def test_a_trial_without_a_choice_does_not_draw_its_parameters():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    space = space_of(model__optimizer={"distribution": "categorical", "choices": [ADAM, SGD]})
    for _ in range(10):
        trial = study.ask()
        space.draw(trial)
        assert len(trial.params) == (3 if trial.params["model.optimizer"] == "SGD" else 2)


def test_a_condition_decides_whether_a_path_is_drawn_wherever_it_stands():
    space = space_of(
        model__momentum={"distribution": "uniform", "low": 0.5, "high": 0.9, "when": {"optimizer": ["SGD"]}},
        model__optimizer={"distribution": "categorical", "choices": ["AdamW", "SGD"]},
    )
    models = [config["model"] for config in drawn(space)]
    assert all((model["momentum"] is not None) == (model["optimizer"] == "SGD") for model in models)
    assert len({model["optimizer"] for model in models}) == 2


def test_a_path_into_a_choice_is_drawn_after_it():
    space = space_of(
        model__optimizer__init_args__lr={
            "distribution": "uniform",
            "low": 5,
            "high": 6,
            "when": {"model.optimizer": "SGD"},
        },
        model__optimizer={
            "distribution": "categorical",
            "choices": ["AdamW", {"class_path": "torch.optim.SGD", "init_args": {"lr": 1}}],
        },
    )
    for config in drawn(space):
        optimizer = config["model"]["optimizer"]
        assert optimizer == "AdamW" or 5 <= optimizer["init_args"]["lr"] <= 6


def test_a_key_that_is_not_there_yet_needs_the_parser_to_take_it():
    spaces = {"model.optimizer_params.beta": Distribution("uniform", 0.1, 0.2)}
    with pytest.raises(ConfigError, match="does not exist"):
        SearchSpace.of(BASE, spaces)

    def accepts(config):
        if set(config["model"]["optimizer_params"] or {}) - {"beta"}:
            raise ConfigError("unknown")

    space = SearchSpace.of(BASE, spaces, accepts)
    (config,) = drawn(space, 1)
    assert 0.1 <= config["model"]["optimizer_params"]["beta"] <= 0.2
    with pytest.raises(ConfigError, match="nearest"):
        SearchSpace.of(BASE, {"model.optimizer_params.gamma": Distribution("uniform", 0.1, 0.2)}, accepts)


def test_examples_take_every_choice():
    space = space_of(
        model__optimizer={"distribution": "categorical", "choices": [ADAM, SGD, "AdamW"]},
        model__lr={"distribution": "uniform", "low": 0, "high": 1, "when": {"model.optimizer": "AdamW"}},
    )
    configs = [configuration(BASE, space.draw(study.ask())) for study in space.examples(seed=0)]
    names = {str(config["model"]["optimizer"])[:35] for config in configs}
    assert len(names) == 3


WRONG = {
    "nothing": ({}, "at least one path"),
    "unknown path": ({"model__lrr": {"distribution": "uniform", "low": 0, "high": 1}}, "nearest: model.lr"),
    "no high": ({"model__lr": {"distribution": "uniform", "low": 0}}, "high None"),
    "low above high": ({"model__lr": {"distribution": "uniform", "low": 2, "high": 1}}, "above high"),
    "log of zero": ({"model__lr": {"distribution": "loguniform", "low": 0, "high": 1}}, "above 0"),
    "no step": ({"model__lr": {"distribution": "discrete_uniform", "low": 0, "high": 1}}, "needs a step"),
    "a step of a uniform": (
        {"model__lr": {"distribution": "uniform", "low": 0, "high": 1, "step": 1}},
        "no step",
    ),
    "half an int": ({"model__lr": {"distribution": "int", "low": 0.5, "high": 1}}, "whole numbers"),
    "int with log and step": (
        {"model__lr": {"distribution": "int", "low": 1, "high": 9, "log": True, "step": 2}},
        "both",
    ),
    "log of a uniform": (
        {"model__lr": {"distribution": "uniform", "low": 1, "high": 2, "log": True}},
        "loguniform",
    ),
    "no choices": ({"model__lr": {"distribution": "categorical", "low": 1, "high": 2}}, "needs choices"),
    "choices and a range": (
        {"model__lr": {"distribution": "categorical", "choices": [1], "low": 1}},
        "choices only",
    ),
    "a choice twice": ({"model__lr": {"distribution": "categorical", "choices": [1, 2, 1]}}, "twice"),
    "choices of a range": ({"model__lr": {"distribution": "uniform", "choices": [1, 2]}}, "got choices"),
    "one place twice": (
        {
            "model__lr": {"distribution": "uniform", "low": 1, "high": 2},
            "lr": {"distribution": "uniform", "low": 1, "high": 2},
        },
        "same place",
    ),
    "a condition on nothing": (
        {"model__lr": {"distribution": "uniform", "low": 1, "high": 2, "when": {"model.optimizer": "SGD"}}},
        "another categorical",
    ),
    "a condition on no choice": (
        {
            "model__lr": {"distribution": "uniform", "low": 1, "high": 2, "when": {"model.optimizer": "SDG"}},
            "model__optimizer": {"distribution": "categorical", "choices": ["AdamW", "SGD"]},
        },
        "must be one of AdamW, SGD, got SDG",
    ),
    "a circle": (
        {
            "model__lr": {
                "distribution": "categorical",
                "choices": [1, 2],
                "when": {"model.optimizer": "SGD"},
            },
            "model__optimizer": {"distribution": "categorical", "choices": ["A", "SGD"], "when": {"lr": 1}},
        },
        "circle",
    ),
    "a misspelt key in a choice": (
        {
            "model__optimizer": {
                "distribution": "categorical",
                "choices": [{"class_path": "a.B", "init_args": {"lr": {"distribution": "uniform", "lo": 1}}}],
            }
        },
        "lo",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_space_is_refused_with_its_reason(name):
    spaces, reason = WRONG[name]
    with pytest.raises(ConfigError) as refusal:
        space_of(**spaces)
    assert reason in str(refusal.value)
    assert "optuna" in str(refusal.value)

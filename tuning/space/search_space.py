"""A search space over a configuration: the values that a trial draws, and the configuration with them."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import optuna
from optuna.samplers import PartialFixedSampler, RandomSampler
from optuna.study import Study
from optuna.trial import BaseTrial

from cli.configuration.sections import Distribution
from experiment.errors import ConfigError
from tuning.space.config_paths import (
    Path,
    exists,
    expanded,
    no_such_path,
    parse_path,
    path_text,
    paths_of,
    value_at,
    with_value,
)
from tuning.space.parameters import Label, Parameter, all_parameters, parameter_of

Accepts = Callable[[dict[str, Any]], object]  # raises ConfigError for an invalid configuration


class Conditions(NamedTuple):
    """The values that other parameters must have."""

    wanted: Mapping[str, tuple[Label, ...]]

    @classmethod
    def of(
        cls, name: str, when: Mapping[str, Any], base: dict[str, Any], known: Mapping[str, Parameter]
    ) -> "Conditions":
        """Check that every condition names a categorical parameter and choices of it."""
        wanted: dict[str, tuple[Label, ...]] = {}
        for text, value in when.items():
            other = path_text(expanded(base, parse_path(text)))
            labels = tuple(value) if isinstance(value, list) else (value,)
            if other not in known or not known[other].choices:
                names = ", ".join(key for key in known if known[key].choices)
                raise ConfigError(
                    f"optuna.search_spaces: {name}: when must name another categorical parameter, "
                    f"got {text}; there are: {names or 'none'}"
                )
            strange = [label for label in labels if label not in known[other].labels]
            if strange:
                raise ConfigError(
                    f"optuna.search_spaces: {name}: when: {text} must be one of "
                    f"{', '.join(map(str, known[other].labels))}, got {strange[0]}"
                )
            wanted[other] = labels
        return cls(wanted)

    def hold(self, drawn: Mapping[str, Label]) -> bool:
        """Check the values drawn so far; a parameter that was not drawn meets no condition."""
        return all(name in drawn and drawn[name] in labels for name, labels in self.wanted.items())


def _in_order(parameters: Sequence[Parameter], conditions: Mapping[str, Conditions]) -> Iterator[Parameter]:
    """Order parameters after those that they depend on, otherwise as written."""
    left, done = list(parameters), set[str]()
    while left:
        ready = [parameter for parameter in left if set(conditions[parameter.name].wanted) <= done]
        if not ready:
            names = ", ".join(parameter.name for parameter in left)
            raise ConfigError(f"optuna.search_spaces: when: {names} depend on each other in a circle")
        yield ready[0]
        done.add(ready[0].name)
        left.remove(ready[0])


class SearchSpace(NamedTuple):
    """Parameters, each after those that its condition names."""

    parameters: tuple[Parameter, ...]
    conditions: Mapping[str, Conditions]

    @classmethod
    def of(
        cls, base: dict[str, Any], spaces: Mapping[str, Distribution], accepts: Accepts | None = None
    ) -> "SearchSpace":
        """Check a space against the configuration that it changes.

        A key that is not there yet is allowed if ``accepts`` takes the configuration with it.
        """
        if not spaces:
            raise ConfigError("optuna.search_spaces must name at least one path of the configuration")
        paths = {text: expanded(base, parse_path(text)) for text in spaces}
        names = {text: path_text(path) for text, path in paths.items()}
        for text, name in names.items():
            if others := [other for other in names if other != text and names[other] == name]:
                raise ConfigError(
                    f"optuna.search_spaces: {text} and {others[0]} are the same place; keep one"
                )
        parameters = [
            parameter_of(names[text], path, _absolute(names[text], path, base, spaces[text]))
            for text, path in paths.items()
        ]
        known = {parameter.name: parameter for parameter in parameters}
        conditions = {name: Conditions.of(name, known[name].distribution.when, base, known) for name in known}
        space = cls(tuple(_in_order(parameters, conditions)), conditions)
        space._check_paths(base, accepts)
        return space

    def draw(self, trial: BaseTrial) -> dict[Path, Any]:
        """Draw a value for each path; inner paths come after the outer ones that they change."""
        drawn: dict[str, Label] = {}
        edits: dict[Path, Any] = {}
        for parameter in self.parameters:
            if self.conditions[parameter.name].hold(drawn):
                edits |= dict(_drawn(parameter, trial, drawn))
        return dict(sorted(edits.items(), key=lambda edit: len(edit[0])))

    def places(self) -> Iterator[Path]:
        """Yield every path that a draw can create: of parameters, and all within their choices."""
        for parameter in all_parameters(self.parameters):
            yield parameter.path
            for choice in parameter.choices:
                yield from ((*parameter.path, *inner) for inner in paths_of(choice.value))

    def examples(self, seed: int) -> Iterator[Study]:
        """Yield studies whose trials draw at random, such that every choice is taken in one of them."""
        forced = [(parameter, choice.label) for parameter in self.parameters for choice in parameter.choices]
        if not forced:
            yield _random_study(seed, {})
        for number, (parameter, label) in enumerate(forced):
            met = {name: labels[0] for name, labels in self.conditions[parameter.name].wanted.items()}
            yield _random_study(seed + number, {**met, parameter.name: label})

    def _check_paths(self, base: dict[str, Any], accepts: Accepts | None) -> None:
        """Check that every path exists, in the configuration or in one of the choices above it."""
        for parameter in self.parameters:
            stages = [base, *self._with_choices_above(parameter, base)]
            if any(exists(stage, parameter.path) for stage in stages):
                continue
            if not any(_is_accepted(stage, parameter, accepts) for stage in stages):
                raise ConfigError(f"optuna.search_spaces: {no_such_path(base, parameter.path)}")

    def _with_choices_above(self, parameter: Parameter, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for outer in self.parameters:
            if outer.choices and outer.path == parameter.path[: len(outer.path)] and outer is not parameter:
                for choice in outer.choices:
                    yield with_value(base, outer.path, choice.value)


def configuration(base: dict[str, Any], edits: Mapping[Path, Any]) -> dict[str, Any]:
    """Return the configuration with the drawn values in their places."""
    for path, value in edits.items():
        base = with_value(base, path, value)
    return base


def _absolute(name: str, path: Path, base: dict[str, Any], spec: Distribution) -> Distribution:
    """Turn multiples of the configuration's own value into low and high."""
    if spec.relative is None:
        return spec
    place = f"optuna.search_spaces: {name}: relative"
    if spec.low is not None or spec.high is not None or spec.distribution == "categorical":
        raise ConfigError(f"{place} replaces low and high of a range, and stands beside neither")
    if len(spec.relative) != 2:  # noqa: PLR2004
        raise ConfigError(f"{place} must be two numbers, the lowest and the highest, got {spec.relative}")
    own = value_at(base, path)
    if isinstance(own, bool) or not isinstance(own, (int, float)):
        raise ConfigError(f"{place} needs a number in the configuration to multiply, it has {own!r}")
    low, high = sorted(factor * own for factor in spec.relative)
    if spec.distribution == "int":
        low, high = round(low), round(high)
    return replace(spec, low=low, high=high, relative=None)


def _random_study(seed: int, fixed: dict[str, Any]) -> Study:
    """Return a study in memory that draws some values at random and has the others fixed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = PartialFixedSampler(fixed, RandomSampler(seed))
    return optuna.create_study(sampler=sampler)


def _drawn(parameter: Parameter, trial: BaseTrial, drawn: dict[str, Label]) -> Iterator[tuple[Path, Any]]:
    value = _suggest(parameter, trial)
    drawn[parameter.name] = value
    if not parameter.choices:
        yield parameter.path, value
        return
    # True is not 1 here.
    same = (choice for choice in parameter.choices if type(choice.label) is type(value))
    choice = next(choice for choice in same if choice.label == value)
    yield parameter.path, choice.value
    for inner in choice.parameters:
        yield from _drawn(inner, trial, drawn)


def _suggest(parameter: Parameter, trial: BaseTrial) -> Label:
    spec = parameter.distribution
    if spec.distribution == "categorical":
        return trial.suggest_categorical(parameter.name, parameter.labels)
    low, high = float(spec.low or 0.0), float(spec.high or 0.0)
    if spec.distribution == "int":
        return trial.suggest_int(parameter.name, int(low), int(high), step=int(spec.step or 1), log=spec.log)
    if spec.distribution == "discrete_uniform":
        return trial.suggest_float(parameter.name, low, high, step=spec.step)
    return trial.suggest_float(parameter.name, low, high, log=spec.distribution == "loguniform")


def _is_accepted(stage: dict[str, Any], parameter: Parameter, accepts: Accepts | None) -> bool:
    if accepts is None:
        return False
    try:
        accepts(configuration(stage, dict(_drawn(parameter, _random_study(0, {}).ask(), {}))))
    except ConfigError:
        return False
    return True

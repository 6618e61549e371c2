"""A search space over a configuration: what a trial draws, and the configuration that comes of it."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from cli.configuration.sections import Distribution
from experiment.errors import ConfigError
from tuning.space.conditions import Conditions, in_order
from tuning.space.config_paths import (
    Path,
    exists,
    expanded,
    no_such_path,
    parse_path,
    path_text,
    paths_of,
    with_value,
)
from tuning.space.parameters import Label, Parameter, all_parameters, parameter_of

Accepts = Callable[[dict[str, Any]], object]  # raises ConfigError where a configuration is none


class Draws(Protocol):
    """What values are drawn from: a trial of Optuna's, or a stand-in."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A real number."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number."""

    def suggest_categorical(self, name: str, choices: Sequence[Label]) -> Label:
        """One of these."""


class SearchSpace(NamedTuple):
    """Parameters in an order in which conditions come before what depends on them."""

    parameters: tuple[Parameter, ...]
    conditions: Mapping[str, Conditions]

    @classmethod
    def of(
        cls, base: dict[str, Any], spaces: Mapping[str, Distribution], accepts: Accepts | None = None
    ) -> "SearchSpace":
        """Check a space against the configuration that it will change.

        A key that is not there yet is good where ``accepts`` takes the configuration with it.
        """
        if not spaces:
            raise ConfigError("optuna.search_spaces must name at least one path of the configuration")
        paths = {text: expanded(base, parse_path(text)) for text in spaces}
        names = {text: path_text(path) for text, path in paths.items()}
        _refuse_repetition(names)
        parameters = [parameter_of(names[text], path, spaces[text]) for text, path in paths.items()]
        known = {parameter.name: parameter for parameter in parameters}
        conditions = {name: Conditions.of(name, known[name].distribution.when, base, known) for name in known}
        space = cls(tuple(in_order(parameters, conditions)), conditions)
        space._check_paths(base, accepts)
        return space

    def draw(self, trial: Draws) -> dict[Path, Any]:
        """What a trial puts where; inner paths come after the outer ones that they change."""
        drawn: dict[str, Label] = {}
        edits: dict[Path, Any] = {}
        for parameter in self.parameters:
            if self.conditions[parameter.name].hold(drawn):
                edits |= dict(_drawn(parameter, trial, drawn))
        return dict(sorted(edits.items(), key=lambda edit: len(edit[0])))

    def names(self) -> list[str]:
        """Every parameter's name, those within choices too."""
        return [parameter.name for parameter in all_parameters(self.parameters)]

    def places(self) -> Iterator[Path]:
        """Every path that a draw can make: of parameters, and all within their choices."""
        for parameter in all_parameters(self.parameters):
            yield parameter.path
            for choice in parameter.choices:
                yield from ((*parameter.path, *inner) for inner in paths_of(choice.value))

    def examples(self, seed: int) -> Iterator[Draws]:
        """Random draws in which every choice is taken at least once."""
        forced = [(parameter, choice.label) for parameter in self.parameters for choice in parameter.choices]
        if not forced:
            yield RandomDraws(random.Random(seed), {})  # noqa: S311 - no secret
        for number, (parameter, label) in enumerate(forced):
            met = self.conditions[parameter.name].an_example()
            yield RandomDraws(random.Random(seed + number), {**met, parameter.name: label})  # noqa: S311

    def _check_paths(self, base: dict[str, Any], accepts: Accepts | None) -> None:
        """Every path must lead somewhere, in the configuration or in one of the choices above it."""
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
    """The configuration with the drawn values in their places."""
    for path, value in edits.items():
        base = with_value(base, path, value)
    return base


class RandomDraws:
    """Draws without a study: some values given, the others random."""

    def __init__(self, generator: random.Random, given: Mapping[str, Label]) -> None:
        self._generator = generator
        self._given = given

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A real number; a logarithmic scale does not matter for an example."""
        if step:
            return low + step * self._generator.randrange(int((high - low) / step + 1e-9) + 1)
        return self._generator.uniform(low, high)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number."""
        return self._generator.randrange(low, high + 1, step)

    def suggest_categorical(self, name: str, choices: Sequence[Label]) -> Label:
        """The given one, else any."""
        return self._given[name] if name in self._given else self._generator.choice(list(choices))


def _drawn(parameter: Parameter, trial: Draws, drawn: dict[str, Label]) -> Iterator[tuple[Path, Any]]:
    value = _suggest(parameter, trial)
    drawn[parameter.name] = value
    if not parameter.choices:
        yield parameter.path, value
        return
    choice = parameter.choices[_position(value, parameter.labels)]
    yield parameter.path, choice.value
    for inner in choice.parameters:
        yield from _drawn(inner, trial, drawn)


def _position(value: Label, labels: Sequence[Label]) -> int:
    """Where a label stands; True is not 1 here."""
    return next(index for index, label in enumerate(labels) if label == value and type(label) is type(value))


def _suggest(parameter: Parameter, trial: Draws) -> Label:
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
    example = RandomDraws(random.Random(0), {})  # noqa: S311 - no secret
    try:
        accepts(configuration(stage, dict(_drawn(parameter, example, {}))))
    except ConfigError:
        return False
    return True


def _refuse_repetition(names: Mapping[str, str]) -> None:
    for text, name in names.items():
        others = [other for other in names if other != text and names[other] == name]
        if others:
            raise ConfigError(f"optuna.search_spaces: {text} and {others[0]} are the same place; keep one")

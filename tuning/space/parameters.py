"""The parameters of a search space, checked: their distributions and choices."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, NamedTuple, get_args

from cli.configuration.sections import Distribution, DistributionName
from experiment.errors import ConfigError
from tuning.space.config_paths import Path, children, path_text

Label = str | int | float | bool | None
_KINDS = get_args(DistributionName)
_STEPLESS = ("uniform", "loguniform")
_FIELDS = tuple(field.name for field in fields(Distribution))


class Choice(NamedTuple):
    """One value of a categorical parameter."""

    label: Label  # in the study
    value: Any  # in the configuration
    parameters: "tuple[Parameter, ...]"  # drawn within the value when it is chosen


class Parameter(NamedTuple):
    """One value that a search draws."""

    name: str  # in the study
    path: Path
    distribution: Distribution
    choices: tuple[Choice, ...] = ()

    @property
    def labels(self) -> list[Label]:
        """The labels of the choices."""
        return [choice.label for choice in self.choices]


def parameter_of(name: str, path: Path, distribution: Distribution) -> Parameter:
    """Check one entry of a search space."""
    kind = distribution.distribution
    if kind not in _KINDS:
        raise _mistake(name, f"distribution must be one of {', '.join(_KINDS)}, got {kind!r}")
    if kind != "categorical":
        _check_range(name, distribution)
        return Parameter(name, path, distribution)
    _check_categorical(name, distribution)
    values = distribution.choices or []
    labels = labels_of(values)
    choices = tuple(
        Choice(label, value, tuple(_parameters_within(f"{name}[{label}]", path, value)))
        for label, value in zip(labels, values, strict=True)
    )
    return Parameter(name, path, distribution, choices)


def all_parameters(parameters: Sequence[Parameter]) -> Iterator[Parameter]:
    """Yield these parameters and those within their choices."""
    for parameter in parameters:
        yield parameter
        for choice in parameter.choices:
            yield from all_parameters(choice.parameters)


def labels_of(values: Sequence[Any]) -> list[Label]:
    """Name choices shortly and differently: scalars by themselves, components by their class.

    >>> labels_of([0.1, {"class_path": "torch.optim.SGD"}, {"class_path": "torch.optim.SGD"}, [1, 2]])
    [0.1, 'SGD', 'SGD_2', '[1, 2]']
    """
    labels: list[Label] = []
    taken: dict[Label, int] = {}
    for value in values:
        if value is None or isinstance(value, (str, int, float, bool)):
            labels.append(value)
            continue
        is_component = isinstance(value, dict) and isinstance(value.get("class_path"), str)
        name = str(value["class_path"].rpartition(".")[2]) if is_component else str(value)
        taken[name] = number = taken.get(name, 0) + 1
        labels.append(name if number == 1 else f"{name}_{number}")
    return labels


def _parameters_within(name: str, path: Path, value: Any, inner: Path = ()) -> Iterator[Parameter]:  # noqa: ANN401
    """Yield the mappings with a ``distribution`` anywhere in a choice."""
    if isinstance(value, dict) and "distribution" in value:
        full = f"{name}.{path_text(inner)}".replace(".[", "[")
        if unknown := ", ".join(str(key) for key in value if key not in _FIELDS):
            raise _mistake(full, f"keys must be among {', '.join(_FIELDS)}, got {unknown}")
        yield parameter_of(full, (*path, *inner), Distribution(**value))
        return
    for key, part in children(value):
        yield from _parameters_within(name, path, part, (*inner, key))


def _check_categorical(name: str, spec: Distribution) -> None:
    if not spec.choices:
        raise _mistake(name, "categorical needs choices, a list of values")
    given = [key for key in ("low", "high", "step") if getattr(spec, key) is not None]
    if given or spec.log:
        raise _mistake(name, f"categorical takes choices only, got {', '.join(given) or 'log'}")
    labels = labels_of(spec.choices)
    repeated = [label for index, label in enumerate(labels) if label in labels[:index]]
    if repeated:
        raise _mistake(name, f"choices must differ, {repeated[0]!r} stands twice")


def _check_range(name: str, spec: Distribution) -> None:
    kind, step = spec.distribution, spec.step
    if spec.choices is not None:
        raise _mistake(name, f"{kind} takes low and high, got choices")
    for key in ("low", "high"):
        number = getattr(spec, key)
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise _mistake(name, f"{kind} needs numbers as low and high, got {key} {number!r}")
    low, high = float(spec.low or 0), float(spec.high or 0)
    is_logarithmic = spec.log or kind == "loguniform"
    numbers = (("low", low), ("high", high), ("step", step or 1))
    fractions = ", ".join(f"{key} {number}" for key, number in numbers if number % 1)
    faults = (
        (low > high, f"low must not be above high, got {spec.low} and {spec.high}"),
        (is_logarithmic and low <= 0, f"a logarithmic range must begin above 0, got low {spec.low}"),
        (spec.log and kind != "int", f"log belongs to int; for {kind} use loguniform"),
        (kind == "discrete_uniform" and step is None, "discrete_uniform needs a step"),
        (step is not None and kind in _STEPLESS, f"{kind} takes no step; discrete_uniform does"),
        (step is not None and not step > 0, f"step must be above 0, got {step}"),
        (kind == "int" and fractions, f"int needs whole numbers, got {fractions}"),
        (spec.log and step not in (None, 1), f"int takes log or a step, got both (step {step})"),
    )
    for is_present, message in faults:
        if is_present:
            raise _mistake(name, message)


def _mistake(name: str, message: str) -> ConfigError:
    return ConfigError(f"optuna.search_spaces: {name}: {message}")

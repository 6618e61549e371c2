"""The parameters of a search space, checked: their distributions and choices."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from cli.configuration.sections import Distribution
from experiment.errors import ConfigError
from tuning.space.config_paths import Path, children, path_text

Label = str | int | float | bool | None
_KINDS = ("uniform", "loguniform", "int", "categorical", "discrete_uniform")
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
    _check(name, distribution)
    if distribution.distribution != "categorical":
        return Parameter(name, path, distribution)
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
        yield parameter_of(full, (*path, *inner), _distribution(full, value))
        return
    for key, part in children(value):
        yield from _parameters_within(name, path, part, (*inner, key))


def _distribution(name: str, spec: Mapping[str, Any]) -> Distribution:
    unknown = [key for key in spec if key not in _FIELDS]
    if unknown:
        raise _mistake(name, f"keys must be among {', '.join(_FIELDS)}, got {', '.join(map(str, unknown))}")
    return Distribution(**spec)


def _check(name: str, spec: Distribution) -> None:
    if spec.distribution not in _KINDS:
        raise _mistake(name, f"distribution must be one of {', '.join(_KINDS)}, got {spec.distribution!r}")
    if spec.distribution == "categorical":
        _check_categorical(name, spec)
    else:
        _check_range(name, spec)


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
    kind, low, high = spec.distribution, spec.low, spec.high
    if spec.choices is not None:
        raise _mistake(name, f"{kind} takes low and high, got choices")
    for key in ("low", "high"):
        number = getattr(spec, key)
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise _mistake(name, f"{kind} needs numbers as low and high, got {key} {number!r}")
    if low is None or high is None or low > high:
        raise _mistake(name, f"low must not be above high, got {low} and {high}")
    if (kind == "loguniform" or spec.log) and low <= 0:
        raise _mistake(name, f"a logarithmic range must begin above 0, got low {low}")
    if spec.log and kind != "int":
        raise _mistake(name, f"log belongs to int; for {kind} use loguniform")
    _check_step(name, spec, float(low), float(high))


def _check_step(name: str, spec: Distribution, low: float, high: float) -> None:
    kind, step = spec.distribution, spec.step
    if kind == "discrete_uniform" and step is None:
        raise _mistake(name, "discrete_uniform needs a step")
    if kind in ("uniform", "loguniform") and step is not None:
        raise _mistake(name, f"{kind} takes no step; discrete_uniform does")
    if step is not None and not step > 0:
        raise _mistake(name, f"step must be above 0, got {step}")
    if kind != "int":
        return
    for key, number in (("low", low), ("high", high), ("step", step or 1)):
        if number != int(number):
            raise _mistake(name, f"int needs whole numbers, got {key} {number}")
    if spec.log and step not in (None, 1):
        raise _mistake(name, f"int takes log or a step, got both (step {step})")


def _mistake(name: str, message: str) -> ConfigError:
    return ConfigError(f"optuna.search_spaces: {name}: {message}")

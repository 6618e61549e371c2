"""Samplers and pruners by ``class_path``; one that cannot be built is told before anything runs."""

import difflib
import hashlib
import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GridSampler, QMCSampler

from experiment.errors import ConfigError

Part = TypeVar("Part")
_DEFAULT_SAMPLER = "optuna.samplers.TPESampler"
_KEYS = ("class_path", "init_args")
# Their seed says in which order all workers go through one sequence: it is the same for every trial.
_SEQUENCES = (GridSampler, QMCSampler)


def build_pruner(content: Mapping[str, Any] | None, *, objectives: int) -> BasePruner:
    """The pruner; with several figures none can be."""
    component = OptunaComponent.of("pruner", content)
    if objectives > 1:
        if component is not None:
            raise ConfigError("optuna.pruner: trials with several metrics cannot be pruned; set it to null")
        return NopPruner()
    return MedianPruner() if component is None else _build("pruner", component, BasePruner)


class OptunaComponent(NamedTuple):
    """A class of Optuna's, or one like it, and its arguments."""

    class_path: str
    init_args: Mapping[str, Any] = {}

    @classmethod
    def of(cls, place: str, content: Mapping[str, Any] | None) -> "OptunaComponent | None":
        """Read it from the configuration."""
        if content is None:
            return None
        if not isinstance(content.get("class_path"), str) or set(content) - set(_KEYS):
            raise ConfigError(
                f"optuna.{place} must have class_path and init_args only, got {', '.join(map(str, content))}"
            )
        arguments = content.get("init_args") or {}
        if not isinstance(arguments, Mapping):
            raise ConfigError(f"optuna.{place}: init_args must be keys with values, got {arguments!r}")
        return cls(content["class_path"], arguments)


class Samplers:
    """A sampler for each trial.

    Its seed follows from the search's and the trial's number: no two workers and no two starts of a search
    draw the same values over again, and a search that was killed goes on as it would have.
    """

    def __init__(self, content: Mapping[str, Any] | None, seed: int, salt: str = "") -> None:
        self._component = OptunaComponent.of("sampler", content) or OptunaComponent(_DEFAULT_SAMPLER)
        self._key = (self._component.init_args.get("seed", seed), salt)
        self._whole = _build("sampler", self._component, BaseSampler)
        self._takes_seed = not isinstance(self._whole, _SEQUENCES) and (
            "seed" in inspect.signature(type(self._whole)).parameters
        )
        if not self._takes_seed and not isinstance(self._whole, _SEQUENCES):
            self._whole.reseed_rng()

    @property
    def grid_points(self) -> int | None:
        """How many different draws there are in all, where the sampler goes through a list of them."""
        if not isinstance(self._whole, GridSampler):
            return None
        return math.prod(len(values) for values in self._component.init_args["search_space"].values())

    def for_trial(self, number: int) -> BaseSampler:
        """The sampler that draws this trial."""
        if not self._takes_seed:
            return self._whole
        arguments = {**self._component.init_args, "seed": seed_of(*self._key, number)}
        return _build("sampler", OptunaComponent(self._component.class_path, arguments), BaseSampler)


def seed_of(*key: object) -> int:
    """A seed that follows from a key.

    >>> seed_of(1, 2) == seed_of(1, 2), seed_of(1, 2) == seed_of(2, 1)
    (True, False)
    """
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=4).digest()) >> 1


def _build(place: str, component: OptunaComponent, kind: Callable[..., Part]) -> Part:
    """An object of a class that must be of this kind; parts within its arguments are built first."""
    made = _class_of(place, component.class_path)
    if not (inspect.isclass(made) and inspect.isclass(kind) and issubclass(made, kind)):
        raise ConfigError(f"optuna.{place}: {component.class_path} is no {place} of Optuna's")
    arguments = {name: _inner(place, value) for name, value in component.init_args.items()}
    accepted = list(inspect.signature(made).parameters)
    for name in arguments:
        if name not in accepted:
            near = difflib.get_close_matches(name, accepted, n=3, cutoff=0.0)
            raise ConfigError(
                f"optuna.{place}: {component.class_path} does not accept {name}; nearest: {', '.join(near)}"
            )
    try:
        return cast(Part, made(**arguments))
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(f"optuna.{place}: {component.class_path}: {error}") from error


def _inner(place: str, value: Any) -> Any:  # noqa: ANN401 - any YAML value
    if not isinstance(value, Mapping) or "class_path" not in value:
        return value
    made = _class_of(place, str(value["class_path"]))
    kind = BasePruner if inspect.isclass(made) and issubclass(made, BasePruner) else BaseSampler
    inner = OptunaComponent.of(place, value)
    return value if inner is None else _build(place, inner, kind)


def _class_of(place: str, class_path: str) -> Any:  # noqa: ANN401 - checked by the caller
    module_name, _, name = class_path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"optuna.{place}: class_path: {class_path!r} cannot be imported: {error}"
        ) from error
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, dir(module), n=3)
        raise ConfigError(
            f"optuna.{place}: {module_name} has no {name}; nearest: {', '.join(near) or 'none'}"
        )
    return getattr(module, name)


def quieten_optuna() -> None:
    """Our own lines say what a trial came to; Optuna's warnings stay."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)

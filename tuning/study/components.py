"""Build samplers and pruners from ``class_path``; one that cannot be built is refused before any trial."""

import difflib
import hashlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GridSampler, QMCSampler

from cli.configuration.component_builder import build_component
from experiment.errors import ConfigError

Component = TypeVar("Component", BasePruner, BaseSampler)
_DEFAULT_SAMPLER = "optuna.samplers.TPESampler"
# All workers go through one sequence, in the order that its seed gives: the seed is the same for every trial.
_SEQUENCES = (GridSampler, QMCSampler)


def build_pruner(content: Mapping[str, Any] | None, *, objectives: int) -> BasePruner:
    """Build the pruner; trials with several metrics cannot have one."""
    if content is None:
        return MedianPruner() if objectives == 1 else NopPruner()
    _check_keys("pruner", content)
    if objectives > 1:
        raise ConfigError("optuna.pruner: trials with several metrics cannot be pruned; set it to null")
    return _build("pruner", content, BasePruner)


class Samplers:
    """A sampler for each trial.

    Its seed follows from the search's seed and the trial's number, so that no two workers and no two starts
    of a search draw the same values, and a search that was killed continues with the draws it would have had.
    """

    def __init__(self, content: Mapping[str, Any] | None, seed: int, salt: str = "") -> None:
        self._class_path, self._arguments = _DEFAULT_SAMPLER, dict[str, Any]()
        if content is not None:
            _check_keys("sampler", content)
            self._class_path, self._arguments = content["class_path"], content.get("init_args") or {}
        self._seed_key = (self._arguments.get("seed", seed), salt)
        self._shared = self._build(self._arguments)
        is_sequence = isinstance(self._shared, _SEQUENCES)
        self._takes_seed = not is_sequence and "seed" in inspect.signature(type(self._shared)).parameters
        if not self._takes_seed and not is_sequence:
            self._shared.reseed_rng()

    @property
    def grid_points(self) -> int | None:
        """The number of different draws, None for a sampler that does not go through a grid."""
        if not isinstance(self._shared, GridSampler):
            return None
        return math.prod(len(values) for values in self._arguments["search_space"].values())

    def check_grid(self, parameters: Sequence[str]) -> None:
        """Refuse a grid that does not name exactly the parameters of the search space."""
        if not isinstance(self._shared, GridSampler):
            return
        named = list(self._arguments["search_space"])
        if missing := [name for name in parameters if name not in named]:
            raise ConfigError(
                f"optuna.sampler: the grid must have values for every path of optuna.search_spaces, "
                f"it lacks {', '.join(missing)}"
            )
        if unknown := [name for name in named if name not in parameters]:
            raise ConfigError(
                f"optuna.sampler: the grid must name paths of optuna.search_spaces, {unknown[0]} is not "
                f"there; there are: {', '.join(parameters)}"
            )

    def for_trial(self, number: int) -> BaseSampler:
        """Return the sampler that draws this trial."""
        if not self._takes_seed:
            return self._shared
        return self._build({**self._arguments, "seed": hashed_seed(*self._seed_key, number)})

    def _build(self, arguments: Mapping[str, Any]) -> BaseSampler:
        return _build("sampler", {"class_path": self._class_path, "init_args": arguments}, BaseSampler)


def hashed_seed(*key: object) -> int:
    """Derive a seed from a key.

    >>> hashed_seed(1, 2) == hashed_seed(1, 2), hashed_seed(1, 2) == hashed_seed(2, 1)
    (True, False)
    """
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=4).digest()) >> 1


def _check_keys(kind: str, content: Mapping[str, Any]) -> None:
    if not isinstance(content.get("class_path"), str) or set(content) - {"class_path", "init_args"}:
        raise ConfigError(
            f"optuna.{kind} must have class_path and init_args only, got {', '.join(map(str, content))}"
        )
    arguments = content.get("init_args") or {}
    if not isinstance(arguments, Mapping):
        raise ConfigError(f"optuna.{kind}: init_args must be keys with values, got {arguments!r}")


def _build(kind: str, content: Mapping[str, Any], base: Callable[..., Component]) -> Component:
    built = build_component(f"optuna.{kind}", content, _check_component)
    if not isinstance(built, cast("type[Component]", base)):
        raise ConfigError(f"optuna.{kind}: {content['class_path']} is no {kind} of Optuna's")
    return built


def _check_component(place: str, component: Any, arguments: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Refuse a class that is neither sampler nor pruner, and arguments that it does not accept."""
    if not (inspect.isclass(component) and issubclass(component, (BasePruner, BaseSampler))):
        raise ConfigError(f"{place}: {component!r} is neither a sampler nor a pruner of Optuna's")
    accepted = list(inspect.signature(component).parameters)
    for name in arguments:
        if name not in accepted:
            near = difflib.get_close_matches(name, accepted, n=3, cutoff=0.0)
            raise ConfigError(
                f"{place}: {component.__name__} does not accept {name}; nearest: {', '.join(near)}"
            )

"""Places in a configuration: ``data.augmentations[0].init_args.p``.

>>> config = {"data": {"augmentations": [{"init_args": {"p": 0.5}}]}}
>>> path = parse_path("data.augmentations[0].init_args.p")
>>> value_at(config, path)
0.5
>>> value_at(with_value(config, path, 0.7), path), value_at(config, path)
(0.7, 0.5)
"""

import copy
import difflib
import re
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import getitem
from typing import Any

from experiment.errors import ConfigError

Path = tuple[str | int, ...]
_SECTIONS = ("model", "data", "trainer")  # their keys may be named without them
_PART = re.compile(r"(?:^|\.)([^.\[\]\s]+)|\[(\d+)\]")
_MAX_NAMED = 3


class ConfigPathError(ConfigError):
    """A path that does not exist in a configuration."""


def parse_path(text: str) -> Path:
    """Split a path into keys and indices.

    >>> parse_path("a.b[2].c")
    ('a', 'b', 2, 'c')
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None or text.startswith("."):
            raise ConfigPathError(
                f"optuna.search_spaces: {text!r} must be keys joined by dots, lists by index, "
                f"such as data.augmentations[0].init_args.p"
            )
        parts.append(match[1] if match[1] is not None else int(match[2]))
        position = match.end()
    if not parts or isinstance(parts[0], int):
        raise ConfigPathError(f"optuna.search_spaces: a path must begin with a key, got {text!r}")
    return tuple(parts)


def path_text(path: Path) -> str:
    """Join keys and indices to a path.

    >>> path_text(("a", "b", 2, "c"))
    'a.b[2].c'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def expanded(config: dict[str, Any], path: Path) -> Path:
    """Complete a path without its section: ``callbacks[0]`` means ``trainer.callbacks[0]``."""
    if path[0] in config:
        return path
    homes = [name for name in _SECTIONS if path[0] in (config.get(name) or {})]
    return (homes[0], *path) if len(homes) == 1 else path


def exists(config: Any, path: Path) -> bool:  # noqa: ANN401 - any YAML value
    """Check that a path leads to a value, which may be null."""
    for part in path:
        if isinstance(config, list) is not isinstance(part, int) or part not in dict(children(config)):
            return False
        config = config[part]
    return True


def children(value: Any) -> Iterable[tuple[Any, Any]]:  # noqa: ANN401 - any YAML value
    """Return the keys or indices of a part of a configuration with their values."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def value_at(config: Any, path: Path) -> Any:  # noqa: ANN401 - any YAML value
    """Return the value at a path; an error names the nearest paths that exist."""
    if not exists(config, path):
        raise ConfigPathError(f"optuna.search_spaces: {no_such_path(config, path)}")
    return reduce(getitem, path, config)


def with_value(config: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Copy a configuration with another value at a path: only its last key may be new.

    A null within the path counts as an empty mapping.
    """
    changed = copy.deepcopy(config)
    node: Any = changed
    for part, following in zip(path[:-1], path[1:], strict=True):
        if not exists(node, (part,)):
            raise ConfigPathError(f"optuna.search_spaces: {no_such_path(config, path)}")
        if node[part] is None and isinstance(following, str):
            node[part] = {}
        node = node[part]
    last = path[-1]
    if not (isinstance(node, dict) if isinstance(last, str) else exists(node, (last,))):
        raise ConfigPathError(f"optuna.search_spaces: {no_such_path(config, path)}")
    node[last] = copy.deepcopy(value)
    return changed


def no_such_path(config: Any, path: Path) -> str:  # noqa: ANN401 - any YAML value
    """Describe which part of the path exists, and which paths are near."""
    text = path_text(path)
    depth = next(depth for depth in range(len(path), -1, -1) if exists(config, path[:depth]))
    here: Any = reduce(getitem, path[:depth], config)
    reached = path_text(path[:depth]) or "the top level"
    if isinstance(here, list) and depth < len(path) and isinstance(path[depth], int):
        several = f"{len(here)} entries, [0] to [{len(here) - 1}]"
        there = several if len(here) > 1 else "one entry, [0]" if here else "no entries"
        return f"{text} does not exist: {reached} has {there}"
    known = [path_text(other) for other in paths_of(config)]
    near = difflib.get_close_matches(text, known, n=_MAX_NAMED, cutoff=0.6)
    beside = [path_text((*path[:depth], key)) for key in here] if isinstance(here, dict) else []
    named = near or difflib.get_close_matches(text, beside, n=_MAX_NAMED, cutoff=0.0)
    return f"{text} does not exist in {reached}; nearest: {', '.join(named) or 'none'}"


def paths_of(config: Any, place: Path = ()) -> Iterator[Path]:  # noqa: ANN401 - any YAML value
    """Yield every path of a configuration, the inner ones after the outer one.

    >>> [path_text(path) for path in paths_of({"a": [{"b": 1}]})]
    ['a', 'a[0]', 'a[0].b']
    """
    if place:
        yield place
    for key, value in children(config):
        yield from paths_of(value, (*place, key))

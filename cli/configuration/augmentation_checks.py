"""Augmentations that cannot work are told before anything is read, by their place in the configuration."""

import importlib
import linecache
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from jsonargparse import Namespace

from cli.configuration.parser import shortened
from dataset_modules.augmentations import Transform
from dataset_modules.augmentations.rehearsal import PROBE_SECONDS, rehearse
from dataset_modules.augmentations.sound_lists import check_sound_paths
from experiment.errors import ConfigError

Node = Namespace | Mapping[str, Any]  # class_path and init_args, parsed


def check_augmentations(nodes: object, sampling_rate: int, *, rehearsed: bool) -> None:
    """Build every transform once, and let it augment an artificial clip.

    Args:
        nodes: the parsed ``data.augmentations``.
        sampling_rate: of the clips.
        rehearsed: whether to try them out, as training needs them; else they are only built.
    """
    for place, node in _nodes(nodes, "data.augmentations"):
        transform = _built(place, node)
        if rehearsed and isinstance(transform, Transform):
            _rehearse(place, str(node["class_path"]), transform, sampling_rate)


def _nodes(value: object, place: str) -> Iterator[tuple[str, Node]]:
    """Every class_path with its place, those within others first."""
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _nodes(item, f"{place}[{index}]")
    elif _is_node(value):
        for key, argument in _arguments(value).items():  # type: ignore[arg-type]
            yield from _nodes(argument, f"{place}.init_args.{key}")
        yield place, value  # type: ignore[misc]


def _is_node(value: object) -> bool:
    return isinstance(value, Namespace | Mapping) and "class_path" in value


def _arguments(node: Node) -> dict[str, Any]:
    """What a class is given; ``dict_kwargs`` are those that its own signature does not name."""
    given = [node.get(key) or {} for key in ("init_args", "dict_kwargs")]
    named = [part if isinstance(part, Mapping) else vars(part) for part in given]
    return {key: value for part in named for key, value in part.items()}


def _built(place: str, node: Node) -> object:
    """What a node describes; what lies within it is built anew for it."""
    class_path = str(node["class_path"])
    module, _, name = class_path.rpartition(".")
    arguments = {
        key: _built_value(f"{place}.init_args.{key}", value) for key, value in _arguments(node).items()
    }
    try:
        component = getattr(importlib.import_module(module), name)
        if isinstance(component, type):
            check_sound_paths(component, arguments)
        return component(**arguments)
    except Exception as error:
        raise ConfigError(f"{place}: {class_path}: {_reason(error)}") from error


def _built_value(place: str, value: object) -> object:
    if _is_node(value):
        return _built(place, value)  # type: ignore[arg-type]
    if isinstance(value, list) and any(map(_is_node, value)):
        return [_built_value(f"{place}[{index}]", item) for index, item in enumerate(value)]
    return value


def _rehearse(place: str, class_path: str, transform: Transform, sampling_rate: int) -> None:
    try:
        rehearse(transform, sampling_rate)
    except ImportError as error:
        package = (error.name or "").partition(".")[0].replace("_", "-") or str(error)
        raise ConfigError(
            f"{place}: {class_path} needs the package {package}, which is not installed; "
            f"install it, or leave the transform out"
        ) from error
    except Exception as error:
        raise ConfigError(
            f"{place}: {class_path} fails on {PROBE_SECONDS:g} s of audio at {sampling_rate} Hz: "
            f"{_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    """What an error says; of an assertion without words, what was asserted.

    >>> try:
    ...     raise KeyError("rate")
    ... except KeyError as error:
    ...     _reason(error)
    "KeyError: 'rate'"
    """
    text = shortened(str(error))
    if isinstance(error, AssertionError) and not text:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        asserted = linecache.getline(frame.filename, frame.lineno or 0).strip()
        return f"must hold: {asserted.removeprefix('assert').strip()}"
    return text if isinstance(error, ValueError | AssertionError) else f"{type(error).__name__}: {text}"

"""Build the object that ``class_path`` and ``init_args`` describe; a fault names its place."""

import importlib
import linecache
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonargparse import Namespace

from cli.configuration.nearest_names import nearest_classes
from cli.configuration.parser_messages import shortened
from experiment.errors import ConfigError

Node = Namespace | Mapping[str, Any]  # class_path and init_args
Check = Callable[[str, Any, Mapping[str, Any]], None]  # place, class, arguments; raises what is wrong


def build_component(place: str, node: Node, check: Check) -> Any:  # noqa: ANN401 - the class is data
    """Build a component, after the components within its arguments; each is checked before it is built."""
    class_path = str(node["class_path"])
    component = _class_at(place, class_path)
    arguments = {
        key: _built_value(f"{place}.init_args.{key}", value, check) for key, value in _arguments(node).items()
    }
    try:
        check(place, component, arguments)
        return component(**arguments)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{place}: {class_path}: {reason(error)}") from error


def augmentation_nodes(data: Namespace) -> Iterator[tuple[str, Node]]:
    """Yield the transforms of a data section and of its data sets, with their places."""
    yield from component_nodes(data.augmentations, "data.augmentations")
    for index, dataset in enumerate(data.dataset_classes or []):
        own = (dataset.get("init_args") or {}).get("augmentations")
        yield from component_nodes(own, f"data.dataset_classes[{index}].init_args.augmentations")


def component_nodes(value: object, place: str) -> Iterator[tuple[str, Node]]:
    """Yield every component with its place, those within others first."""
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from component_nodes(item, f"{place}[{index}]")
    elif _is_node(value):
        for key, argument in _arguments(value).items():  # type: ignore[arg-type]
            yield from component_nodes(argument, f"{place}.init_args.{key}")
        yield place, value  # type: ignore[misc]


def reason(error: Exception) -> str:
    """Return an error's message; for an assertion without a message, its condition.

    >>> reason(KeyError("rate"))
    "KeyError: 'rate'"
    """
    text = shortened(str(error))
    if isinstance(error, AssertionError) and not text:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        asserted = linecache.getline(frame.filename, frame.lineno or 0).strip()
        return f"must hold: {asserted.removeprefix('assert').strip()}"
    return text if isinstance(error, ValueError | AssertionError) else f"{type(error).__name__}: {text}"


def _class_at(place: str, class_path: str) -> Any:  # noqa: ANN401 - the check looks at it
    module, _, name = class_path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, ValueError, AttributeError) as error:
        near = ", ".join(nearest_classes(class_path)) or "none"
        raise ConfigError(
            f"{place}: class_path: {class_path!r} cannot be imported: {error}; nearest: {near}"
        ) from error


def _is_node(value: object) -> bool:
    return isinstance(value, Namespace | Mapping) and "class_path" in value


def _arguments(node: Node) -> dict[str, Any]:
    """Return the constructor's arguments; ``dict_kwargs`` are those that its signature does not name."""
    given = [node.get(key) or {} for key in ("init_args", "dict_kwargs")]
    named = [part if isinstance(part, Mapping) else vars(part) for part in given]
    return {key: value for part in named for key, value in part.items()}


def _built_value(place: str, value: object, check: Check) -> object:
    if _is_node(value):
        return build_component(place, value, check)  # type: ignore[arg-type]
    if isinstance(value, list):
        return [_built_value(f"{place}[{index}]", item, check) for index, item in enumerate(value)]
    return value

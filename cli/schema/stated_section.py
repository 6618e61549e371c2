"""What files and options state, over the schema's defaults: the configuration before anything parses it.

Where only the parser knows what something means, nothing is known here: no mistake is found then, and none
is invented.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from cli.configuration.yaml_files import config_files
from cli.schema.checker import Checker
from cli.schema.leaf_values import alternatives, from_text
from cli.schema.schema_file import Schema
from untrusted.yaml_text import read_yaml

# Lightning's and its launcher's own variables; others set options.
_PREFIX, _NO_OPTIONS = "PL_", {"PL_GLOBAL_SEED", "PL_SEED_WORKERS"}
# Nothing is checked in these before the parser does.
_LEFT_OUT = (
    *("model.network_config", "model.optimizer_params", "optuna.search_spaces"),
    *("study.variants", "study.tune"),
    *("trainer.callbacks", "trainer.logger", "trainer.strategy", "trainer.profiler", "trainer.plugins"),
)
_SCALARS = ("string", "integer", "number", "boolean")


class _UnknownError(Exception):
    """Only the parser knows what is meant."""


def stated_section(
    checker: Checker, options: Sequence[str], assigned: Sequence[tuple[str, Any]]
) -> Namespace | None:
    """Return the section of a command; None where only the parser knows what is meant.

    ``assigned`` are the names and values of ``options``.
    """
    if any(name.startswith(_PREFIX) and name not in _NO_OPTIONS for name in os.environ):
        return None
    files = config_files(options)
    if len(files) != sum(name == "config" for name, _ in assigned):  # -c, too
        return None
    section = _defaults(checker.root)
    try:
        for name, value in assigned:
            if name == "config":
                _take_file(section, checker, files.pop(0))
            else:
                _take(section, checker, checker.root, name, value)
        _check_classes(section, checker)
    except _UnknownError:
        return None
    return section


def _defaults(node: Schema) -> Namespace:
    inner = node["properties"].items()
    return Namespace(
        **{name: _defaults(one) if "properties" in one else one.get("default") for name, one in inner}
    )


def _take_file(section: Namespace, checker: Checker, path: Path) -> None:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise _UnknownError
    for key, value in content.items():
        _take(section, checker, checker.root, str(key), value)


def _take(section: Namespace, checker: Checker, node: Schema, key: str, value: Any, above: str = "") -> None:  # noqa: ANN401
    """Take one value into a section, over what is there already."""
    if key.startswith(("$", "__")) or f"{above}{key}".startswith(_LEFT_OUT):
        return
    name, _, rest = key.partition(".")
    inner = node["properties"].get(name)
    if inner is None:
        raise _UnknownError  # such as name+
    path = f"{above}{name}"
    if "properties" in inner:
        if not rest and not isinstance(value, dict):
            raise _UnknownError  # the name of a file
        for below, one in [(rest, value)] if rest else value.items():
            _take(section[name], checker, inner, str(below), one, f"{path}.")
    elif rest or (isinstance(value, dict) and isinstance(section[name], dict)):
        raise _UnknownError  # a part of a component
    else:
        section[name] = _value(checker, inner, value, takes_text=checker.takes_text(path))


def _value(checker: Checker, node: Schema, value: Any, *, takes_text: bool) -> Any:  # noqa: ANN401 - any data
    """Return the value that the parser reads."""
    if not takes_text:
        return from_text(value) if isinstance(value, str) else value
    if value is not None and not isinstance(value, str | dict | list):
        kinds = [str(kind.get("type")) for kind in alternatives(node, checker.definitions)]
        if not any(scalar in kind for kind in kinds for scalar in _SCALARS[1:]):
            raise _UnknownError  # 1_0 may be a text
    return value


def _check_classes(section: Namespace, checker: Checker) -> None:
    """Fill in the languages that data sets have by default; classes must be known by their whole path."""
    datasets = section.data.dataset_classes
    if not isinstance(datasets, list):
        raise _UnknownError
    for dataset in datasets:
        path = dataset.get("class_path") if isinstance(dataset, dict) else None
        arguments = checker.arguments_of(str(path))
        if arguments is None or not isinstance(dataset.setdefault("init_args", {}), dict):
            raise _UnknownError
        dataset["init_args"].setdefault("language", arguments.get("language", {}).get("default"))
    for key in ("optimizer", "scheduler"):
        chosen = section.model[key]
        choices = checker.root["properties"]["model"]["properties"][key]
        named = [name for kind in alternatives(choices, checker.definitions) for name in kind.get("enum", ())]
        if (
            isinstance(chosen, str)
            and chosen not in named
            or isinstance(chosen, dict)
            and "class_path" not in chosen
        ):
            raise _UnknownError

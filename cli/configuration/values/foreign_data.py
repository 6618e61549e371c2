"""The data section of an experiment's folder: it may choose among this project's classes, and nothing else.

Whoever made the folder may be a stranger. The configuration that ``--config`` names is the user's own.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from experiment.errors import ConfigError
from untrusted.printing import printable

log = logging.getLogger(__name__)

_OWN_CLASS = re.compile(r"(?P<module>dataset_modules(\.[a-z_]+)+|phonetics(\.[a-z_]+)*)\.[A-Z]\w*")
_BACKENDS = ("espeak", "epitran", "none")
# What jsonargparse would take as the name of a class, or of a file that names one.
_COMPONENTS = ("text_to_phonemes", "fallback", "normalisation", "audio_params")
_LEFT_OUT = ("cache_dir", "use_auth_token", "download_mode")  # they write, or show who the user is
_KEYS_OF_A_COMPONENT = {"class_path", "init_args"}


def foreign_data(data: Mapping[str, Any], source: object) -> dict[str, Any]:
    """Return a data section without what writes elsewhere; refuse classes that are not this project's."""
    for place, value in _components(data, "data"):
        _check(place, value, source)
    left_out: list[str] = []
    kept = [
        {**dataset, "init_args": _without_places(dataset.get("init_args") or {}, left_out)}
        for dataset in data.get("dataset_classes") or []
    ]
    if left_out:
        log.info(
            "%s: %s of an experiment's folder is not used, caches lie in data/cache; "
            "if the configuration is yours, give it with --config FILE",
            *(source, ", ".join(sorted(set(left_out)))),
        )
    return {**data, "dataset_classes": kept}


def _components(section: Mapping[str, Any], place: str) -> Iterator[tuple[str, object]]:
    """Yield all values that choose a class, with their places."""
    for key, value in section.items():
        here = f"{place}.{key}"
        if key == "dataset_classes":
            for number, dataset in enumerate(value or []):
                yield f"{here}[{number}]", dataset
                yield from _components(_arguments(dataset), f"{here}[{number}].init_args")
        elif key in _COMPONENTS:
            yield here, value
            yield from _components(_arguments(value), f"{here}.init_args")
        elif _names_a_class(value):
            yield here, value


def _arguments(component: object) -> Mapping[str, Any]:
    arguments = component.get("init_args") if isinstance(component, Mapping) else None
    return arguments if isinstance(arguments, Mapping) else {}


def _names_a_class(value: object) -> bool:
    if isinstance(value, Mapping):
        return "class_path" in value or any(map(_names_a_class, value.values()))
    return isinstance(value, list) and any(map(_names_a_class, value))


def _check(place: str, value: object, source: object) -> None:
    if value is None or value in _BACKENDS or (place.endswith(".audio_params") and _is_plain(value)):
        return
    named = value.get("class_path") if isinstance(value, Mapping) else value
    is_component = isinstance(value, Mapping) and value.keys() <= _KEYS_OF_A_COMPONENT
    if is_component and isinstance(named, str) and _is_own(named):
        return
    raise ConfigError(
        f"{printable(source)}: {printable(place)} names {printable(named, most_characters=100)}, which is no "
        "class of this project; an experiment's folder may not choose what is run. If the configuration "
        "is yours, give it with --config FILE"
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, Mapping) and not _names_a_class(value)


def _is_own(class_path: str) -> bool:
    """Return whether a path leads to a name in a module of this project, which is imported anyway."""
    matched = _OWN_CLASS.fullmatch(class_path)
    try:
        return matched is not None and find_spec(matched["module"]) is not None
    except ImportError:
        return False


def _without_places(arguments: Mapping[str, Any], left_out: list[str]) -> dict[str, Any]:
    usual = {"cache_dir": ("./data/cache", "data/cache"), "download_mode": ("reuse_dataset_if_exists",)}
    given = [name for name in _LEFT_OUT if arguments.get(name) and arguments[name] not in usual.get(name, ())]
    left_out += given
    return {name: value for name, value in arguments.items() if name not in _LEFT_OUT}

"""What is wrong with a ``class_path``: where it stands, and which names are nearest to it."""

import difflib
import pkgutil
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.configuration.yaml_files import places_of_class

_MAX_NEAR = 3
_NAMED = re.compile(
    r"class_path[= ]'([^']+)'|dot import path string: (\S+)|Import path (\S+) does not correspond"
)
# Where classes without a module before them are looked for.
_USUAL = ("audiomentations", "dataset_modules.augmentations", "callbacks", "lightning.pytorch.callbacks")


def faulty_class(message: str, files: Sequence[Path]) -> str:
    """The place of the class that a parser's message complains of, and the nearest names; or nothing."""
    named = [next(filter(None, match.groups())) for match in _NAMED.finditer(message)]
    wrong = [path for path in named if "does not correspond" in message or not _is_there(path)]
    if not wrong:
        return ""
    places, near = places_of_class(wrong[0], files), nearest_classes(wrong[0])
    return (f": it stands at {', '.join(map(str, places))}" if places else "") + (
        f"; nearest: {', '.join(near)}" if near else ""
    )


def nearest_classes(class_path: str) -> list[str]:
    """Names alike, of the module where it is known, else of modules.

    >>> nearest_classes("pathlib.Patth")
    ['pathlib.Path']
    >>> nearest_classes("patlib.Path")
    ['pathlib.Path']
    >>> nearest_classes("pathlib.Path")
    []
    """
    if _is_there(class_path):
        return []
    module, _, name = class_path.rpartition(".")
    if not module:
        return [f"{each}.{near}" for each in _USUAL for near in _near(name, dir(sys.modules.get(each)))]
    if module in sys.modules:
        return [f"{module}.{near}" for near in _near(name, dir(sys.modules[module]))]
    return [
        f"{near}.{name}" for near in _near(module, _modules_beside(module)) if _is_there(f"{near}.{name}")
    ]


def _is_there(class_path: str) -> bool:
    """Whether a class was found; a parser has imported its module by the time it complains."""
    module, _, name = class_path.rpartition(".")
    return hasattr(sys.modules.get(module), name)


def _modules_beside(module: str) -> list[str]:
    """Modules that are there, in the same package."""
    package = module.rpartition(".")[0]
    if not package:
        return [name for name in sys.modules if "." not in name]
    inside = pkgutil.iter_modules(getattr(sys.modules.get(package), "__path__", None) or [])
    return [f"{package}.{found.name}" for found in inside]


def _near(name: str, known: Sequence[str]) -> list[str]:
    public = [one for one in known if not one.startswith("_")]
    return difflib.get_close_matches(name, public, n=_MAX_NEAR, cutoff=0.75)

"""The names nearest to an unknown key or class."""

import difflib
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Sequence

_MAX_NEAR = 3
# Where classes without a module before them are looked for.
_USUAL = ("audiomentations", "dataset_modules.augmentations", "callbacks", "lightning.pytorch.callbacks")


def nearest_keys(unknown: str, known: Iterable[str]) -> list[str]:
    """Return keys that may be meant: the same name in another section, its initials, similar names.

    >>> nearest_keys("model.learning_rate", ["model.lr", "model.min_lr", "data.language"])
    ['model.lr']
    >>> nearest_keys("trainer.batch_size", ["data.batch_size", "data.seed"])
    ['data.batch_size']
    >>> nearest_keys("max_epochs", ["model.max_epochs", "trainer.max_epochs", "optuna"])
    ['model.max_epochs', 'trainer.max_epochs']
    >>> nearest_keys("trainer.gpus", ["trainer.plugins", "trainer.logger"])
    []
    >>> nearest_keys("modell.cache_encodr", ["model.cache_encoder", "model.seed"])
    ['model.cache_encoder']
    """
    keys = list(dict.fromkeys(known))
    section, _, name = unknown.rpartition(".")
    beside = {key.rpartition(".")[2]: key for key in keys if key.rpartition(".")[0] == section}
    initials = "".join(word[:1] for word in name.split("_"))
    found = [
        *(key for key in keys if key.count(".") == 1 and key.endswith(f".{name}")),
        *(beside[one] for one in [initials] if one in beside and len(one) > 1),
        *(beside[one] for one in difflib.get_close_matches(name, beside)),
    ]
    if not beside:
        found += difflib.get_close_matches(unknown, keys, cutoff=0.75)
    return list(dict.fromkeys(found))[:_MAX_NEAR]


def nearest_classes(class_path: str) -> list[str]:
    """Return similar class names in a known module, or the same name in similar modules.

    >>> nearest_classes("pathlib.Patth")
    ['pathlib.Path']
    >>> nearest_classes("patlib.Path")
    ['pathlib.Path']
    >>> nearest_classes("pathlib.Path")
    []
    """
    if is_imported(class_path):
        return []
    module, _, name = class_path.rpartition(".")
    if not module or module in sys.modules:
        modules = [module] if module else _USUAL
        return [f"{each}.{near}" for each in modules for near in _near(name, dir(sys.modules.get(each)))]
    return [
        f"{near}.{name}" for near in _near(module, _modules_beside(module)) if is_imported(f"{near}.{name}")
    ]


def is_imported(class_path: str) -> bool:
    """Return whether a class exists; a parser has imported its module before it reports a fault."""
    module, _, name = class_path.rpartition(".")
    return hasattr(sys.modules.get(module), name)


def _modules_beside(module: str) -> list[str]:
    """Return the modules of the same package."""
    package = module.rpartition(".")[0]
    if not package:
        return [name for name in sys.modules if "." not in name]
    inside = pkgutil.iter_modules(getattr(sys.modules.get(package), "__path__", None) or [])
    return [f"{package}.{found.name}" for found in inside]


def _near(name: str, known: Sequence[str]) -> list[str]:
    public = [one for one in known if not one.startswith("_")]
    return difflib.get_close_matches(name, public, n=_MAX_NEAR, cutoff=0.75)


def accepted_keys(class_path: str) -> list[str]:
    """Return the constructor's arguments of an imported class; an empty list for any other class.

    Arguments that the class passes on to its base as keywords are among them.

    >>> accepted_keys("pathlib.NoSuchThing")
    []
    """
    module, _, name = class_path.rpartition(".")
    component = getattr(sys.modules.get(module), name, None)
    keys: list[str] = []
    for constructor in getattr(component, "__mro__", [component] if component else []):
        parameters = inspect.signature(constructor).parameters.values()
        keys += [one.name for one in parameters if one.kind is not one.VAR_KEYWORD]
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            break
    return [key for key in dict.fromkeys(keys) if key != "params"]

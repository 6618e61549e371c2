"""Whether a class exists, found without importing its module: its source is read."""

import ast
import importlib.util
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

# A module whose source has one of these may have names that its source does not show.
_DYNAMIC = ("__getattr__", "globals(", "sys.modules", "import *", "exec(", "setattr(", "__path__", "vars(")


def why_missing(class_path: str) -> str:
    """Return why a class cannot be imported; empty where it can, or where the source does not decide it.

    >>> why_missing("fractions.Fracton")
    "module 'fractions' has no attribute 'Fracton'"
    >>> why_missing("patlib.Path")
    "No module named 'patlib'"
    >>> why_missing("pathlib.Path"), why_missing("os.path.join")
    ('', '')
    """
    module, _, name = class_path.rpartition(".")
    if not module or not all(part.isidentifier() for part in class_path.split(".")):
        return ""
    spec, missing = _find(module)
    if missing:
        return f"No module named {missing!r}"
    source = _source(spec)
    if not source or any(word in source for word in _DYNAMIC):
        return ""
    names = _names(source)
    if not names or name in names or _has_submodule(spec, name):
        return ""
    return f"module {module!r} has no attribute {name!r}"


def names_in(module: str) -> list[str]:
    """Return the public names that a module's source shows; none for a module that is not there."""
    spec, missing = _find(module)
    source = "" if missing else _source(spec)
    return sorted(name for name in _names(source) if not name.startswith("_")) if source else []


def _find(module: str) -> tuple[ModuleSpec | None, str]:
    """Return a module's place and, where it is certain that there is none, the missing module's name."""
    top, *below = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None, ""
    if spec is None:
        return None, top
    full = top
    for part in below:
        parent, full = spec, f"{full}.{part}"
        if parent.submodule_search_locations is None:
            return None, ""  # a class within a class, or a module that makes others
        # By its last name: a folder without __init__.py asks for a parent that nobody has imported.
        spec = PathFinder.find_spec(full.rpartition(".")[2], list(parent.submodule_search_locations))
        if spec is None:
            source = _source(parent)
            doubtful = not source or part in source or any(word in source for word in _DYNAMIC)
            return None, "" if doubtful else full
    return spec, ""


def _source(spec: ModuleSpec | None) -> str:
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return ""
    try:
        return Path(spec.origin).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _names(source: str) -> set[str]:
    """Return every name that a source binds anywhere; none where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _has_submodule(spec: ModuleSpec | None, name: str) -> bool:
    places = list(spec.submodule_search_locations or ()) if spec else []
    return bool(places) and PathFinder.find_spec(name, places) is not None

"""The kept schema, ``config/schema.json``, and whether it still describes this code."""

import ast
import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCHEMA_FILE = ROOT / "config" / "schema.json"
# Rooms whose signatures become part of the schema.
_ROOMS = ("callbacks", "cli/configuration", "dataset_modules", "models", "optim", "phonetics")
_FILES = ("cli/phoneme_cli.py", "cli/commands/doctor.py")
_PACKAGES = ("audiomentations", "jsonargparse", "lightning", "torch")
# The classes that the schema was written from, a digest of their signatures, and versions of packages.
CLASSES, SIGNATURES, VERSIONS = "x-classes", "x-signatures", "x-versions"
COMMANDS = "x-commands"  # options that other commands have beside those of training, by Lightning's names

Schema = dict[str, Any]
CLASS_NAME: Schema = {"type": "string", "format": "class-path"}  # a text that names a class


@functools.cache
def read_schema(path: Path = SCHEMA_FILE) -> Schema | None:
    """Return the schema; None where there is none to read."""
    try:
        schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return schema


def is_current(schema: Schema) -> bool:
    """Return whether signatures and packages are those that the schema was written from."""
    try:
        digest = digest_of_signatures(schema.get(CLASSES, ()))
    except (OSError, SyntaxError, ValueError):  # a source that someone is editing
        return False
    return schema.get(SIGNATURES) == digest and schema.get(VERSIONS) == package_versions()


def package_versions() -> dict[str, str]:
    """Return the versions of the packages whose signatures are part of the schema, without local tags."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
    return found


def digest_of_signatures(classes: Iterable[str], root: Path = ROOT) -> str:
    """Return a digest of the constructors and fields of classes, and of all choices; it takes 0.2 s.

    It is one of source texts: Python's own descriptions of syntax trees differ between its versions.
    """
    paths = [path for room in _ROOMS for path in sorted((root / room).rglob("*.py"))]
    paths += [root / name for name in _FILES]
    digest = hashlib.sha256()
    for path in paths:
        for part in _signatures(ast.parse(path.read_text(encoding="utf-8")), set(classes)):
            digest.update(part.encode())
    return digest.hexdigest()[:16]


def _signatures(tree: ast.Module, classes: set[str]) -> Iterable[str]:
    """Yield what a schema depends on: constructors' arguments, fields, declared options and aliases."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in classes:
            yield f"{node.name} {[ast.unparse(base) for base in node.bases]}"
            yield from (part for each in node.body if (part := _declaration(each)))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and "Literal" in ast.unparse(node):
            yield ast.unparse(node)


def _declaration(node: ast.stmt) -> str:
    """Return a field, a constructor's arguments, or the options that a command line declares."""
    if isinstance(node, ast.FunctionDef) and node.name == "__init__":
        return ast.unparse(node.args)
    declares = isinstance(node, ast.FunctionDef) and node.name == "add_arguments_to_parser"
    return ast.unparse(node) if declares or isinstance(node, ast.AnnAssign) else ""

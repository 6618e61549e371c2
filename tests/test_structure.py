"""The house stays easy to see: few entries in a folder, one meaning of a name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.source_tree import MAY_IMPORT, ROOT, syntax_trees

MOST_ENTRIES = 14
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SHOWN = (*(name for name in MAY_IMPORT if (ROOT / name).is_dir()), "config", "docs", "front_door")


def _folders(folder: Path) -> Iterator[Path]:
    yield folder
    for path in folder.iterdir():
        if path.is_dir() and path.name != "__pycache__":
            yield from _folders(path)


def test_no_folder_shows_more_than_a_reader_can_take_in() -> None:
    folders = [folder for name in SHOWN if (ROOT / name).is_dir() for folder in _folders(ROOT / name)]
    counts = {
        str(folder.relative_to(ROOT)): sum(path.name != "__pycache__" for path in folder.iterdir())
        for folder in folders
    }
    assert {name: count for name, count in counts.items() if count > MOST_ENTRIES} == {}


def test_no_public_name_is_defined_twice() -> None:
    places = defaultdict(set)
    for module, tree in syntax_trees().items():
        for node in tree.body:
            if isinstance(node, DEFINITIONS) and not node.name.startswith("_"):
                places[node.name].add(module)
    assert {name: sorted(modules) for name, modules in places.items() if len(modules) > 1} == {}

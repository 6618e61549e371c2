"""Imports point one way, between packages and between modules; ``tests/source_tree.py`` has the map."""

import ast
from collections.abc import Iterable, Iterator

import pytest

from tests.source_tree import MAY_IMPORT, ROOT, syntax_trees

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _imports(node: ast.AST, *, within_functions: bool) -> Iterator[str]:
    """Every name that code imports; that of ``TYPE_CHECKING`` blocks included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports name their package, they are never relative"
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif within_functions or not isinstance(child, FUNCTIONS):
            yield from _imports(child, within_functions=within_functions)


def _lies_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_in_one_direction(package: str) -> None:
    allowed = (package, *MAY_IMPORT[package])
    breaches = [
        f"{module} imports {imported}"
        for module, tree in syntax_trees().items()
        if _lies_in(module, package)
        for imported in _imports(tree, within_functions=True)
        if any(_lies_in(imported, own) for own in MAY_IMPORT)
        and not any(_lies_in(imported, other) for other in allowed)
    ]
    assert breaches == []


def test_every_package_is_on_the_map() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "benchmarks"} <= set(MAY_IMPORT)


def _module_graph(*, within_functions: bool) -> dict[str, set[str]]:
    """Which modules each module imports: itself, or the names in them."""
    trees = syntax_trees()
    graph = {}
    for module, tree in trees.items():
        names = _imports(tree, within_functions=within_functions)
        found = {name if name in trees else name.rpartition(".")[0] for name in names}
        graph[module] = (found & trees.keys()) - {module}
    return graph


def _reachable(start: Iterable[str], graph: dict[str, set[str]]) -> set[str]:
    found, waiting = set(), list(start)
    while waiting:
        if (module := waiting.pop()) not in found:
            found.add(module)
            waiting.extend(graph[module])
    return found


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which leads to all others."""
    reach = {module: _reachable(imported, graph) for module, imported in graph.items()}
    groups = {
        frozenset(other for other in found if module in reach[other])
        for module, found in reach.items()
        if module in found
    }
    return sorted(map(sorted, groups))


@pytest.mark.parametrize("within_functions", [False, True], ids=["at the top", "also in functions"])
def test_no_circle_of_modules(within_functions: bool) -> None:
    """Imports for type checkers included."""
    assert _circles(_module_graph(within_functions=within_functions)) == []


def test_a_circle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"} - {"d"}}
    assert _circles(graph) == [["b", "c"]]

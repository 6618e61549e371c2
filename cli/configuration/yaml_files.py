"""Faults in YAML files that a parser passes over in silence, and the places of keys in them."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from experiment.errors import ConfigError
from untrusted.files import FileError, read_text
from untrusted.printing import printable
from untrusted.yaml_text import MOST_YAML_BYTES, compose_yaml, parse_yaml


class Place(NamedTuple):
    """Where a key stands in a file."""

    path: str
    line: int
    component: str  # class_path of the component that the key belongs to; empty if none
    file: str = ""  # where there are several

    def __str__(self) -> str:
        file = f"{self.file}, " if self.file else ""
        owner = f", for {self.component}" if self.component else ""
        return f"{printable(self.path)} ({file}line {self.line}{owner})"


def config_files(arguments: Sequence[str]) -> list[Path]:
    """Return the files named by ``--config`` or ``-c``.

    >>> [path.name for path in config_files(["fit", "-c", "a.yaml", "--config=b.yaml", "--model.lr", "1"])]
    ['a.yaml', 'b.yaml']
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", "-c", type=Path, action="append", nargs="?", default=[])
    return list(filter(None, parser.parse_known_args(arguments)[0].config))


def check_yaml_files(paths: Sequence[Path]) -> None:
    """Refuse missing files, broken or huge YAML, an empty file, and a key that stands twice."""
    for path in paths:
        root = _composed(path)
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(
                f"--config: {printable(path)} must hold sections (keys with values), it holds none"
            )
        lines: dict[str, int] = {}
        for place in _places(root):
            if place.path in lines and "<<" not in place.path:
                raise ConfigError(
                    f"--config: {printable(path)}: key {printable(place.path)} must stand once, "
                    f"it stands in lines {lines[place.path]} and {place.line}"
                )
            lines[place.path] = place.line


def places_of(key: str, paths: Sequence[Path]) -> Iterator[Place]:
    """Yield where a key stands in files."""
    for path in paths:
        root = _composed(path)
        for place in _places(root) if root is not None else ():
            if place.path.rpartition(".")[2] == key:
                yield place._replace(file=str(path) if len(paths) > 1 else "")


def _composed(path: Path) -> yaml.Node | None:
    """Read the nodes of a file, aliases resolved; their number is bounded."""
    try:
        text = read_text(path, most_bytes=MOST_YAML_BYTES)
        parse_yaml(text, path)  # values such as 0b_ are faults, too
        return compose_yaml(text, path)
    except FileError as error:
        raise ConfigError(f"--config: {error}") from error


def _places(node: yaml.Node, path: str = "", component: str = "") -> Iterator[Place]:
    """Yield the place of every key below a node, in the order of the file."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _places(item, f"{path}[{index}]", component)
    if not isinstance(node, yaml.MappingNode):
        return
    classes = [str(value.value) for name, value in node.value if name.value == "class_path"]
    component = classes[0] if classes else component
    for name, value in node.value:
        below = f"{path}.{name.value}" if path else str(name.value)
        yield Place(below, name.start_mark.line + 1, component)
        yield from _places(value, below, component)

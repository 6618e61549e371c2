"""Faults in YAML files that a parser passes over in silence."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from experiment.errors import ConfigError


def config_files(arguments: Sequence[str]) -> list[Path]:
    """The files named by ``--config`` or ``-c``.

    >>> [path.name for path in config_files(["fit", "-c", "a.yaml", "--config=b.yaml"])]
    ['a.yaml', 'b.yaml']
    """
    files = []
    for position, argument in enumerate(arguments):
        if argument in ("--config", "-c") and position + 1 < len(arguments):
            files.append(Path(arguments[position + 1]))
        elif argument.startswith(("--config=", "-c=")):
            files.append(Path(argument.split("=", 1)[1]))
    return files


def check_yaml_files(paths: Sequence[Path]) -> None:
    """Refuse missing files, broken YAML, an empty file, and a key that stands twice (the last would win)."""
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"--config: the file must exist, {path} does not")
        try:
            root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"--config: {path} must be YAML in UTF-8: {error}") from error
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"--config: {path} must hold sections (keys with values), it holds none")
        for fault in repeated_keys(root):
            raise ConfigError(f"--config: {path}: {fault}")


def repeated_keys(node: yaml.Node, place: str = "") -> Iterator[str]:
    """A message for each key that stands twice in one mapping."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from repeated_keys(item, f"{place}[{index}]")
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        path = f"{place}.{name}" if place else name
        if name in lines and name != "<<":
            yield f"key {path} must stand once, it stands in lines {lines[name]} and {line}"
        lines[name] = line
        yield from repeated_keys(value, path)


class Place(NamedTuple):
    """Where a key stands in a file."""

    path: str
    line: int
    component: str  # class_path of what it was meant for, where it was meant for a component
    file: str = ""  # where there are several

    def __str__(self) -> str:
        file = f"{self.file}, " if self.file else ""
        owner = f", for {self.component}" if self.component else ""
        return f"{self.path} ({file}line {self.line}{owner})"


def places_of(key: str, paths: Sequence[Path]) -> list[Place]:
    """Where a key stands in these files."""
    return list(_places_in_files(key, paths))


def places_of_class(class_path: str, paths: Sequence[Path]) -> list[Place]:
    """Where a class is named in these files."""
    places = _places_in_files("class_path", paths)
    return [place._replace(component="") for place in places if place.component == class_path]


def _places_in_files(key: str, paths: Sequence[Path]) -> Iterator[Place]:
    for path in paths:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        file = str(path) if len(paths) > 1 else ""
        for place in _places(root, key, "", "") if root is not None else ():
            yield place._replace(file=file)


def _places(node: yaml.Node, key: str, place: str, component: str) -> Iterator[Place]:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _places(item, key, f"{place}[{index}]", component)
    if not isinstance(node, yaml.MappingNode):
        return
    component = next(
        (str(value.value) for name, value in node.value if name.value == "class_path"), component
    )
    for name, value in node.value:
        path = f"{place}.{name.value}" if place else str(name.value)
        if name.value == key:
            yield Place(path, name.start_mark.line + 1, component)
        yield from _places(value, key, path, component)

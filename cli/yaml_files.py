"""Faults in YAML files that a parser passes over in silence."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from cli.errors import ConfigError


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

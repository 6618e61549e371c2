"""YAML, read as data: of bounded size, depth and number of nodes, aliases counted as what they repeat."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from untrusted.files import FileError, read_text
from untrusted.printing import printable

MOST_YAML_BYTES = 2**20
MOST_NODES = 10_000  # where each alias counts as a copy of what it repeats
MOST_DEPTH = 64
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_FLOAT, _TIMESTAMP = "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"
_FLOATS = re.compile(
    r"""^(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
        |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
        |[-+]?\.(?:inf|Inf|INF)
        |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
_Opening = yaml.MappingStartEvent | yaml.SequenceStartEvent
_Closing = yaml.MappingEndEvent | yaml.SequenceEndEvent
_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooLargeError(FileError):
    """A text would grow beyond all bounds when it is read."""


class _DataLoader(_BaseLoader):
    """PyYAML's safe loader; 1e-4 is a number, as in YAML 1.2, and a date is text."""


def _implicit_resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Return the base's rules for plain scalars with another rule for numbers, and none for dates."""
    rules: dict[str, list[tuple[str, re.Pattern[str]]]] = {
        first: [(tag, pattern) for tag, pattern in known if tag not in (_FLOAT, _TIMESTAMP)]
        for first, known in _BaseLoader.yaml_implicit_resolvers.items()
    }
    for first in "-+.0123456789":
        rules.setdefault(first, []).append((_FLOAT, _FLOATS))
    return rules


_DataLoader.yaml_implicit_resolvers = _implicit_resolvers()


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - any data
    """Read a file of YAML; its values are texts, numbers, booleans, null, lists and dictionaries."""
    return parse_yaml(read_text(path, most_bytes=MOST_YAML_BYTES), path)


def parse_yaml(text: str, source: object) -> Any:  # noqa: ANN401 - any data
    r"""Return the values of a text; ``source`` names it in messages.

    >>> parse_yaml("a: &a [1e-4, on]\nb: *a", "settings")
    {'a': [0.0001, True], 'b': [0.0001, True]}
    """
    check_yaml(text, source)
    try:
        return yaml.load(text, Loader=_DataLoader)  # noqa: S506 - derived from the safe loader
    except (yaml.YAMLError, ValueError, AttributeError, OverflowError) as error:
        raise _faulty(source, error) from error


def compose_yaml(text: str, source: object) -> yaml.Node | None:
    """Return the nodes of a text, which know their lines; None for an empty text."""
    check_yaml(text, source)
    try:
        return yaml.compose(text, Loader=_DataLoader)
    except yaml.YAMLError as error:
        raise _faulty(source, error) from error


class _DataDumper(yaml.SafeDumper):
    """PyYAML's safe dumper; it also quotes texts that only ``_DataLoader`` takes for numbers."""


_DataDumper.yaml_implicit_resolvers = {
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, []), *more]
    for first, more in _DataLoader.yaml_implicit_resolvers.items()
}


def dump_yaml(content: object) -> str:
    r"""Write values as YAML that ``parse_yaml`` and the command line read back as they are.

    >>> dump_yaml({"a": ["no", "1e-3", False]})
    "a:\n- 'no'\n- '1e-3'\n- false\n"
    """
    return yaml.dump(content, Dumper=_DataDumper, sort_keys=False, allow_unicode=True)


def check_yaml(text: str, source: object) -> None:
    """Refuse a text that is not YAML, is too large once its aliases are resolved, or names types."""
    if len(text) > MOST_YAML_BYTES:
        raise FileError(f"{printable(source)} must have at most {MOST_YAML_BYTES} bytes, it has more")
    try:
        _check_events(yaml.parse(text, Loader=_DataLoader), source)
    except (yaml.YAMLError, ValueError) as error:
        raise error if isinstance(error, FileError) else _faulty(source, error) from error


def _check_events(events: Iterator[yaml.Event], source: object) -> None:
    """Count nodes as they are parsed, before anything is built of them."""
    sizes: dict[str, int] = {}  # nodes under an anchor
    opened: list[tuple[str | None, int]] = []  # anchor, and the nodes before it
    nodes = 0
    for event in events:
        where = f"{printable(source)}, line {event.start_mark.line + 1 if event.start_mark else 1}"
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in opened):
                raise FileError(f"{where}: *{printable(event.anchor)} must not contain itself")
            nodes += sizes.get(event.anchor or "", 1)
        elif isinstance(event, _Closing):
            anchor, before = opened.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent | _Opening):
            _check_tag(event, where)
            if isinstance(event, _Opening):
                opened.append((event.anchor, nodes))
            elif event.anchor is not None:
                sizes[event.anchor] = 1
            nodes += 1
        if nodes > MOST_NODES or len(opened) > MOST_DEPTH:
            raise TooLargeError(
                f"{where}: must have at most {MOST_NODES} values, aliases resolved, "
                f"and {MOST_DEPTH} levels; it has more"
            )


def _check_tag(event: yaml.ScalarEvent | _Opening, where: str) -> None:
    if event.tag not in (None, "!", *_PLAIN_TAGS):
        raise FileError(f"{where}: must be data alone, without types such as {printable(event.tag)}")


def _faulty(source: object, error: Exception) -> FileError:
    """Return the parser's complaint in one line, with the line that it is about."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = "" if mark is None else f", line {mark.line + 1}"
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return FileError(f"{printable(source)}{line}: must be YAML in UTF-8: {printable(reason)}")

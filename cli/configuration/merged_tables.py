"""Tables with free keys, such as ``model.network_config``, are merged key by key over files and options.

A parser would let the last mention replace all others: one key in a second file would drop the rest.
"""

import json
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from jsonargparse import ArgumentParser, get_loader

REPLACE = "_replace"  # a key of a table: true drops what earlier files and options said
_WHOLE = ("class_path", "distribution")  # a table with one of these keys is one value
_ORIGINS = (dict, Mapping)
_UNREADABLE = object()  # what is no YAML, or too large
_SECTIONS = ("model.", "data.")  # what a search draws is not merged, or old parameters would stay in it


def merge_tables(values: Iterable[Any]) -> Any:  # noqa: ANN401 - any YAML value
    """Merge what files and options say of one table, the later over the earlier.

    A key that is null in a later one is removed.

    >>> merge_tables([{"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"d": 4}}])
    {'b': {'c': 2, 'd': 4}}
    >>> merge_tables([{"a": 1}, {"_replace": True, "b": 2}])
    {'b': 2}
    """
    merged: Any = None
    for value in values:
        if not isinstance(value, dict):
            merged = value
            continue
        starts_anew = (
            value.get(REPLACE) or any(key in value for key in _WHOLE) or not isinstance(merged, dict)
        )
        given = {key: one for key, one in value.items() if key != REPLACE}
        merged = _without_marks(given) if starts_anew else _merged(merged, given)
    return merged


def _merged(table: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(table)
    for key, value in later.items():
        if value is None and key in merged:
            del merged[key]
        else:
            merged[key] = merge_tables([merged.get(key), value])
    return merged


def _without_marks(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: merge_tables([value]) for key, value in table.items()}


def merged_words(parser: ArgumentParser, words: Any) -> Any:  # noqa: ANN401 - what a parser takes
    """Merge the tables with free keys that the files and options of a command line name."""
    if not isinstance(words, list) or not words:
        return words
    subcommands = getattr(parser, "_subcommands_action", None)
    chosen = getattr(subcommands, "_name_parser_map", {}).get(words[0])
    return words if chosen is None else with_merged_tables(words, free_tables(chosen))


def with_merged_tables(arguments: Sequence[str], tables: Sequence[str]) -> list[str]:
    """Append the merged value of each table that several files and options name, as the last option.

    >>> with_merged_tables(["fit", "--model.a", "{b: 1}", "--model.a.c=2"], ["model.a"])[-2:]
    ['--model.a', '{"b": 1, "c": 2}']
    """
    found: dict[str, list[Any]] = {table: [] for table in tables}
    for table, value in _mentions(arguments, tables):
        found[table].append(value)
    extra: list[str] = []
    for table, values in found.items():
        if _UNREADABLE in values:
            continue  # the parser reports it
        if len(values) > 1 or any(isinstance(value, dict) and REPLACE in value for value in values):
            extra += [f"--{table}", json.dumps(merge_tables(values), ensure_ascii=False)]
    return [*arguments, *extra]


def free_tables(parser: ArgumentParser) -> list[str]:
    """List the options of a parser whose values are mappings of any keys."""
    names = [action.dest for action in parser._actions if _is_table(getattr(action, "_typehint", None))]
    return [name for name in names if name.startswith(_SECTIONS) and not name.endswith(".help")]


def _is_table(hint: object) -> bool:
    if get_origin(hint) in (Union, types.UnionType):
        return any(map(_is_table, get_args(hint)))
    return hint in _ORIGINS or get_origin(hint) in _ORIGINS


def _mentions(arguments: Sequence[str], tables: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield what each file and option says of a table, in the order in which they count."""
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        name = name.removeprefix("--") if name.startswith("--") else name
        if name in ("config", "-c"):
            path = value if equals else next(words, "")
            yield from _in_file(Path(path), tables)
            continue
        table = next((one for one in tables if name == one or name.startswith(f"{one}.")), None)
        if table is not None and word.startswith("--"):
            text = value if equals else next(words, "")
            key = name.removeprefix(table).removeprefix(".")
            yield table, {key: _parsed(text)} if key else _parsed(text)


def _in_file(path: Path, tables: Sequence[str]) -> Iterator[tuple[str, Any]]:
    content = _parsed(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for table in tables:
        place: Any = content
        for key in table.split("."):
            place = place.get(key, ...) if isinstance(place, dict) else ...
        if place is not ...:
            yield table, place


def _parsed(text: str) -> Any:  # noqa: ANN401 - any YAML value
    try:
        return get_loader("yaml")(text)  # reads numbers as the parser does
    except yaml.YAMLError:
        return _UNREADABLE

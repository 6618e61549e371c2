"""The generated parts of the reference: tables of commands, options and keys between marks in the pages."""

import argparse
import re
from collections.abc import Iterable, Iterator

from cli.command_table import commands
from cli.configuration.tool_parser import parser_of
from cli.schema.option_pages import Option, option_of, options_of
from cli.schema.schema_file import ROOT, Schema

_BLOCK = "<!-- generated: {name} -->\n\n{text}\n<!-- end of {name} -->"
_UNESCAPED, _ESCAPED = re.compile(r"(?<!\\)[|]"), r"\\|"
_OURS = ("callbacks.", "dataset_modules.", "phonetics.", "scoring.")
_SECTIONS = ("audio_params", "model", "data", "trainer", "optuna", "study")
COMMAND_PAGE = ROOT / "docs/reference/command_line.md"
CONFIGURATION_PAGE = ROOT / "docs/reference/configuration.md"


def command_page(text: str) -> str:
    """Return the page of the command line with its tables written again."""
    blocks = {"commands": _commands(), "options": _options_of_tools()}
    return with_blocks(text, {name: "\n".join(lines) for name, lines in blocks.items()})


def configuration_page(text: str, schema: Schema) -> str:
    """Return the page of the configuration with its tables written again."""
    blocks = {"top level": _keys(options_of(schema, ""))}
    blocks |= {section: _keys(options_of(schema, section)) for section in _SECTIONS}
    for title, name in (
        ("data sets", "BaseDataset"),
        ("augmentations", "Transform"),
        ("callbacks", "Callback"),
        ("text to phonemes", "GraphemeToPhoneme"),
    ):
        blocks[title] = _classes(schema, name)
    return with_blocks(text, {name: "\n".join(lines) for name, lines in blocks.items()})


def with_blocks(text: str, blocks: dict[str, str]) -> str:
    """Replace what stands between the marks of each block; a page without the marks stays as it is.

    >>> with_blocks("a <!-- generated: b -->old<!-- end of b -->", {"b": "new"}).splitlines()
    ['a <!-- generated: b -->', '', 'new', '<!-- end of b -->']
    """
    for name, block in blocks.items():
        marks = re.compile(f"<!-- generated: {name} -->.*?<!-- end of {name} -->", re.DOTALL)
        text = marks.sub(lambda _, n=name, b=block: _BLOCK.format(name=n, text=b), text)  # type: ignore[misc]
    return text


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    head = list(head)
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(_UNESCAPED.sub(_ESCAPED, cell) for cell in row)} |"
    yield ""


def _commands() -> Iterator[str]:
    for group in dict.fromkeys(command.group for command in commands()):
        here = [command for command in commands() if command.group == group]
        rows = ((f"`{one.name}`", f"`{one.arguments}`", one.does) for one in here)
        yield from _table((group, "arguments", "does"), rows)


def _options_of_tools() -> Iterator[str]:
    for command in commands():
        if not command.takes_config and not command.is_script:
            yield from _options_of(parser_of(command), command.name)


def _options_of(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    """Yield the tables of a parser and of its commands."""
    rows, below = [], []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            below += list(action.choices.items())
        elif not isinstance(action, argparse._HelpAction) and action.help != argparse.SUPPRESS:
            rows.append(_row(action))
    if rows:
        yield from _table((f"`{name}`", "default", "meaning"), rows)
    for word, inner in below:
        yield from _options_of(inner, f"{name} {word}")


def _row(action: argparse.Action) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{(action.metavar or action.dest)}`"
    shows = action.option_strings and action.default not in (None, False, argparse.SUPPRESS)
    choices = ", ".join(f"`{choice}`" for choice in action.choices or ())
    meaning = "; ".join(filter(None, [(action.help or "").replace("%%", "%"), choices]))
    needed = "required" if action.option_strings and action.required else ""
    return names, f"`{action.default}`" if shows else needed, meaning


def _keys(options: Iterable[Option]) -> Iterator[str]:
    rows = (
        (f"`{one.name.rpartition('.')[2]}`", one.kind, one.default and f"`{one.default}`", one.meaning)
        for one in options
    )
    return _table(("key", "value", "default", "meaning"), rows)


def _classes(schema: Schema, name: str) -> Iterator[str]:
    """Yield a heading, the purpose and the arguments of each of our classes of a kind."""
    for kind in schema["$defs"][name]["anyOf"]:
        path = kind.get("properties", {}).get("class_path", {}).get("const", "")
        if path.startswith(_OURS):
            arguments = kind["properties"]["init_args"].get("properties", {})
            yield from (f"**`{path}`**: {kind.get('description', '')}", "")
            yield from _keys(option_of(key, node, schema) for key, node in arguments.items())

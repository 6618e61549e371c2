"""The argument parser: a mistake is one message about the value itself, with the nearest right key."""

import difflib
import re
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from cli.errors import ConfigError

_UNKNOWN_OPTION = re.compile(r"(?:does not accept option '|unrecognized arguments: --)([^'=\s]+)")
_UNION = "Does not validate against any of the Union subtypes"
# What a union says about types that the value never meant to be.
_TYPE_TALK = ("Not a valid subclass", "Expected a <class 'NoneType'>", "- a dict", "- a class path")
_LITERAL = re.compile(r"Expected a typing\.Literal\[(.*)\]\.?")
_MAX_COMPLAINTS = 3
_MAX_LINES = 10


class PhonemeArgumentParser(LightningArgumentParser):
    """Lightning's parser, whose errors are one message instead of a screen of usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the mistake; the command line prints it and ends with status 2."""
        parser = getattr(ex, "subcommand_parser", None) or self
        known = [action.dest for one in (parser, *_subparsers(parser)) for action in one._actions]
        raise ConfigError(shortened(with_nearest(message, known))) from ex


def _subparsers(parser: Any) -> list[Any]:  # noqa: ANN401 - jsonargparse's types
    """Those of a parser's commands."""
    commands = getattr(parser, "_subcommands_action", None)
    return list(getattr(commands, "_name_parser_map", {}).values())


def with_nearest(message: str, known: list[str]) -> str:
    """Name the keys that are nearest to an unknown one.

    >>> with_nearest("Subcommand 'fit' does not accept option 'model.lrr'", ["model.lr", "data.seed"])
    "Subcommand 'fit' does not accept option 'model.lrr'; nearest: model.lr"
    >>> with_nearest("unrecognized arguments: --trainer.max_stps 10", ["trainer.max_steps", "model.lr"])
    'unrecognized arguments: --trainer.max_stps 10; nearest: trainer.max_steps'
    """
    unknown = _UNKNOWN_OPTION.search(message)
    near = difflib.get_close_matches(unknown[1], list(dict.fromkeys(known)), n=3) if unknown else []
    return f"{message.rstrip()}; nearest: {', '.join(near)}" if near else message


def shortened(message: str) -> str:
    r"""Of a union's complaints, those about the value; choices listed plainly.

    >>> union = "Does not validate against any of the Union subtypes"
    >>> shortened(f"{union}\n  - lr must be positive, got -1\n  - Expected a <class 'NoneType'>")
    'lr must be positive, got -1'
    >>> shortened("Expected a typing.Literal['a', 'b']. Got value: c")
    "must be one of 'a', 'b'. Got value: c"
    """
    lines = [line for line in message.rstrip().splitlines() if line.strip()]
    position = next((number for number, line in enumerate(lines) if _UNION in line), None)
    if position is not None:
        telling = [line.strip(" -") for line in _complaints(lines[position:])][:_MAX_COMPLAINTS]
        given = [line.strip() for line in lines[position:] if line.strip().startswith("Given value:")]
        lines = [*lines[:position], *(telling or given)]
    return _LITERAL.sub(r"must be one of \1.", "\n".join(lines[:_MAX_LINES])).replace("..", ".").strip()


def _complaints(lines: list[str]) -> list[str]:
    """Entries of a union's list, each with the lines that continue it."""
    entries: list[str] = []
    for line in lines:
        if line.lstrip().startswith("- "):
            entries.append(line.strip())
        elif entries and line.startswith("      "):
            entries[-1] += f" {line.strip()}"
    return [entry for entry in entries if not any(phrase in entry for phrase in _TYPE_TALK)]

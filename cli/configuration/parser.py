"""The argument parser: a mistake is one message about the value itself, with the nearest right key."""

import ast
import difflib
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from experiment.errors import ConfigError

_UNKNOWN_OPTION = re.compile(r"(?:does not accept option '|unrecognized arguments: --)([^'=\s]+)")
_UNION = "Does not validate against any of the Union subtypes"
_NULL, _GIVEN = "Expected a <class 'NoneType'>", "Given value:"
# What a union says about types that the value never meant to be.
_TYPE_TALK = ("Not a valid subclass", _NULL, "- a dict", "- a class path")
_KEY = re.compile(r'^Parser key "([^"]+)":\s*')
_LITERAL = re.compile(r"Expected a typing\.Literal\[(.*)\]\.?")
_TYPE = re.compile(r"Expected a <class '(\w+)'>\.?")
_TYPES = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}
_OF_SUBCOMMAND = re.compile(r"Subcommand '\w+' does not accept option '([^']*)'")
_MAX_NEAR = 3
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
    'there is no option model.lrr; nearest: model.lr'
    >>> with_nearest("unrecognized arguments: --trainer.max_stps 10", ["trainer.max_steps", "model.lr"])
    'unrecognized arguments: --trainer.max_stps 10; nearest: trainer.max_steps'
    """
    unknown = _UNKNOWN_OPTION.search(message)
    near = nearest_keys(unknown[1], known) if unknown else []
    told = _OF_SUBCOMMAND.sub(r"there is no option \1", message.rstrip())
    return f"{told}; nearest: {', '.join(near)}" if near else told


def nearest_keys(unknown: str, known: Iterable[str]) -> list[str]:
    """Keys that may be meant: the same name in another section, its initials, names alike.

    >>> nearest_keys("model.learning_rate", ["model.lr", "model.min_lr", "data.language"])
    ['model.lr']
    >>> nearest_keys("trainer.batch_size", ["data.batch_size", "data.seed"])
    ['data.batch_size']
    >>> nearest_keys("max_epochs", ["model.max_epochs", "trainer.max_epochs", "optuna"])
    ['model.max_epochs', 'trainer.max_epochs']
    >>> nearest_keys("trainer.gpus", ["trainer.plugins", "trainer.logger"])
    []
    >>> nearest_keys("modell.cache_encodr", ["model.cache_encoder", "model.seed"])
    ['model.cache_encoder']
    """
    keys = list(dict.fromkeys(known))
    section, _, name = unknown.rpartition(".")
    beside = {key.rpartition(".")[2]: key for key in keys if key.rpartition(".")[0] == section}
    initials = "".join(word[:1] for word in name.split("_"))
    found = [
        *(key for key in keys if key.count(".") == 1 and key.endswith(f".{name}")),
        *(beside[one] for one in [initials] if one in beside and len(one) > 1),
        *(beside[one] for one in difflib.get_close_matches(name, beside)),
    ]
    if not beside:
        found += difflib.get_close_matches(unknown, keys, cutoff=0.75)
    return list(dict.fromkeys(found))[:_MAX_NEAR]


def shortened(message: str) -> str:
    r"""A parser's complaint in a user's words; of a union's, those about the value.

    >>> union = "Does not validate against any of the Union subtypes"
    >>> shortened(f"{union}\n  - lr must be positive, got -1\n  - Expected a <class 'NoneType'>")
    'lr must be positive, got -1'
    >>> shortened(f"{union}\n  - Expected a <class 'int'>\n  - Expected a <class 'NoneType'>\nGiven value: a")
    'must be a whole number or null, got a'
    >>> shortened("Expected a typing.Literal['a', 'b']. Got value: c")
    'must be one of a, b, got c'
    """
    lines = [line for line in message.rstrip().splitlines() if line.strip()]
    unions = [number for number, line in enumerate(lines) if _UNION in line]
    if unions:
        position, innermost = unions[0], lines[unions[-1] :]
        told = [line.strip(" -") for line in _complaints(innermost)]
        given = [line.strip() for line in innermost if line.strip().startswith(_GIVEN)][:1]
        if told and (expected := _expected(told)):
            is_optional = any(_NULL in line for line in innermost)
            values = "".join(f", got {line.removeprefix(_GIVEN).strip()}" for line in given)
            told = [f"must be {' or '.join([*expected, *['null'] * is_optional])}{values}"]
        lines = [*lines[:position], *(told[:_MAX_COMPLAINTS] or given)]
    plain = "\n".join(_plain(line) for line in lines[:_MAX_LINES]).strip()
    return _KEY.sub(r"\1: ", plain)


def _expected(complaints: Iterable[str]) -> list[str]:
    """What would be right, where all complaints are about plain types and choices."""
    kinds: list[str] = []
    choices: list[str] = []
    for complaint in complaints:
        if kind := _TYPE.fullmatch(complaint):
            kinds.append(_TYPES.get(kind[1], f"a {kind[1]}"))
        elif literal := _LITERAL.fullmatch(complaint):
            choices += [str(choice) for choice in ast.literal_eval(f"[{literal[1]}]")]
        else:
            return []
    choices = list(dict.fromkeys(choices))
    return [*kinds, *([f"one of {', '.join(choices)}"] if len(choices) > 1 else choices)]


def _plain(line: str) -> str:
    """A line about one type or choice."""
    expectation, got, value = line.strip(" -").partition(" Got value: ")
    expected = _expected([expectation])
    return f"must be {expected[0]}{got and f', got {value}'}" if expected else line


def _complaints(lines: list[str]) -> list[str]:
    """Entries of a union's list, each with the lines that continue it."""
    entries: list[str] = []
    for line in lines:
        if line.lstrip().startswith("- "):
            entries.append(line.strip())
        elif entries and line.startswith("      "):
            entries[-1] += f" {line.strip()}"
    return [entry for entry in entries if not any(phrase in entry for phrase in _TYPE_TALK)]

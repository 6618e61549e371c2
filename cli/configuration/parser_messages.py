"""jsonargparse's messages in a user's words, with the places and the names that they leave out.

jsonargparse (4) offers its faults as text only; this module is the one that reads that text.
"""

import ast
import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from cli.configuration.nearest_names import accepted_keys, is_imported, nearest_classes, nearest_keys
from cli.configuration.yaml_files import Place, places_of

_UNKNOWN_OPTION = re.compile(r"(?:does not accept option '|unrecognized arguments: --)([^'=\s]+)")
_OF_SUBCOMMAND = re.compile(r"Subcommand '\w+' does not accept option '([^']*)'")
_NO_OPTION = re.compile(r"there is no option ([\w.]+)")  # as with_nearest writes it
_NOT_ACCEPTED = re.compile(r"Option '([^'.]+)' is not accepted")
_CLASS_PATH = re.compile(
    r"class_path[= ]'([^']+)'|dot import path string: (\S+)|Import path (\S+) does not correspond"
)
_NO_NAME = "Expected a dot import path string: "  # of a value that is no class either
_NO_FILE = "  - Expected a path but "  # a list may also be read from a file; nobody meant that
_UNION = "Does not validate against any of the Union subtypes"
_NULL, _GIVEN = "Expected a <class 'NoneType'>", "Given value:"
# Parts of a union's message about types that the value was never meant for.
_OTHER_TYPES = ("Not a valid subclass", _NULL, "- a dict", "- a class path")
_KEY = re.compile(r'^Parser key "([^"]+)":\s*')
_LITERAL = re.compile(r"Expected a typing\.Literal\[(.*)\]\.?")
_TYPE = re.compile(r"Expected a <class '(\w+)'>\.?")
_TYPES = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}
_MAX_COMPLAINTS = 3
_MAX_LINES = 10


def with_nearest(message: str, known: list[str]) -> str:
    """Add the keys that are nearest to an unknown one.

    >>> with_nearest("Subcommand 'fit' does not accept option 'model.lrr'", ["model.lr", "data.seed"])
    'there is no option model.lrr; nearest: model.lr'
    >>> with_nearest("unrecognized arguments: --trainer.max_stps 10", ["trainer.max_steps", "model.lr"])
    'unrecognized arguments: --trainer.max_stps 10; nearest: trainer.max_steps'
    """
    unknown = _UNKNOWN_OPTION.search(message)
    text = _OF_SUBCOMMAND.sub(r"there is no option \1", message.rstrip())
    return text + _listed("; nearest: ", nearest_keys(unknown[1], known) if unknown else [])


def whereabouts(message: str, files: Sequence[Path]) -> str:
    """Return where the unknown key or class of a message stands in the files, and what would be right."""
    if "it stands at" in message:  # the message names the place itself
        return ""
    if option := _NO_OPTION.search(message):
        places = list(places_of(option[1].rpartition(".")[2], files))
        return _listed("; it stands at ", [place for place in places if place.path == option[1]])
    key = _NOT_ACCEPTED.search(message)
    if key and (places := list(places_of(key[1], files))):
        accepted = accepted_keys(places[0].component)
        return (
            _listed(": it stands at ", places)
            + _listed("; nearest: ", difflib.get_close_matches(key[1], accepted, n=2))
            + _listed("; accepted: ", accepted)
        )
    named_classes = [next(filter(None, match.groups())) for match in _CLASS_PATH.finditer(message)]
    wrong = [path for path in named_classes if "does not correspond" in message or not is_imported(path)]
    if not wrong:
        return ""
    named = [place for place in places_of("class_path", files) if place.component == wrong[0]]
    places = [place._replace(component="") for place in named]
    return _listed(": it stands at ", places) + _listed("; nearest: ", nearest_classes(wrong[0]))


def _listed(introduction: str, items: Sequence[str | Place]) -> str:
    return f"{introduction}{', '.join(map(str, items))}" if items else ""


def shortened(message: str) -> str:
    r"""Reword a parser's message; of a union's complaints keep those about the value.

    >>> union = "Does not validate against any of the Union subtypes"
    >>> shortened(f"{union}\n  - lr must be positive, got -1\n  - Expected a <class 'NoneType'>")
    'lr must be positive, got -1'
    >>> shortened(f"{union}\n  - Expected a <class 'int'>\n  - Expected a <class 'NoneType'>\nGiven value: a")
    'must be a whole number or null, got a'
    >>> shortened("Expected a typing.Literal['a', 'b']. Got value: c")
    'must be one of a, b, got c'
    """
    given_lines = message.rstrip().splitlines()
    lines = [line for line in given_lines if line.strip() and not line.startswith(_NO_FILE)]
    unions = [number for number, line in enumerate(lines) if _UNION in line]
    if unions:
        position, innermost = unions[0], lines[unions[-1] + 1 :]
        complaints = [line.strip(" -") for line in _complaints(innermost)]
        given = [line.strip() for line in innermost if line.strip().startswith(_GIVEN)][:1]
        if complaints and (expected := _expected(complaints)):
            is_optional = any(_NULL in line for line in innermost)
            values = "".join(f", got {line.removeprefix(_GIVEN).strip()}" for line in given)
            complaints = [f"must be {' or '.join([*expected, *['null'] * is_optional])}{values}"]
        lines = [*lines[:position], *(complaints[:_MAX_COMPLAINTS] or given)]
    plain = "\n".join(_plain(line) for line in lines[:_MAX_LINES]).strip()
    return _KEY.sub(r"\1: ", plain)


def _expected(complaints: Iterable[str]) -> list[str]:
    """Return what would be right, where all complaints are about plain types and choices."""
    kinds: list[str] = []
    choices: list[str] = []
    for complaint in complaints:
        if kind := _TYPE.fullmatch(complaint):
            kinds.append(_TYPES.get(kind[1], f"a {kind[1]}"))
        elif literal := _LITERAL.fullmatch(complaint):
            choices += [str(choice) for choice in ast.literal_eval(f"[{literal[1]}]")]
        elif not complaint.startswith(_NO_NAME):
            return []
    choices = list(dict.fromkeys(choices))
    return [*kinds, *([f"one of {', '.join(choices)}"] if len(choices) > 1 else choices)]


def _plain(line: str) -> str:
    """Reword a line about one type or choice."""
    expectation, got, value = line.strip(" -").partition(" Got value: ")
    expected = _expected([expectation])
    return f"must be {expected[0]}{got and f', got {value}'}" if expected else line


def _complaints(lines: list[str]) -> list[str]:
    """Return the entries of a union's list, each with the lines that continue it."""
    entries: list[str] = []
    for line in lines:
        if line.lstrip().startswith("- "):
            entries.append(line.strip())
        elif entries and line.startswith("      "):
            entries[-1] += f" {line.strip()}"
    return [entry for entry in entries if not any(phrase in entry for phrase in _OTHER_TYPES)]

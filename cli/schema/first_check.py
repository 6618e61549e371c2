"""Checks the configuration files and the options before anything heavy is imported.

A mistake costs the user a second instead of the seconds that the imports take. What is accepted here is
checked again by jsonargparse and by the classes themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cli.configuration.model_option import ModelChoice, choose_model
from cli.configuration.nearest_names import nearest_keys
from cli.configuration.yaml_files import places_of
from cli.schema.checker import Checker, Fault
from cli.schema.early_checks import TRAINING_COMMANDS, faults_of_section
from cli.schema.leaf_values import from_text
from cli.schema.schema_file import is_current, read_schema
from cli.schema.stated_section import stated_section
from experiment.errors import ConfigError
from untrusted.files import FileError
from untrusted.printing import printable
from untrusted.yaml_text import read_yaml

_MOST_FAULTS = 5
_OTHER_OPTIONS = ("config", "help", "help-all", "print_config")


def check_first(command: str, options: Sequence[str], files: Sequence[Path]) -> None:
    """Refuse what contradicts the schema; ``command`` has Lightning's name.

    Nothing is refused where the schema is missing, or older than this code.
    """
    refuse_endless_values(options)
    schema = read_schema()
    if schema is None:
        return
    checker = Checker(schema, command)
    # Each message is written only if it is shown: thousands of faults would take minutes.
    messages = [*_messages_of_files(checker, files), *_messages_of_options(checker, options)]
    if not messages:
        messages = [partial(str, text) for text in _messages_of_section(checker, command, options)]
    if messages and is_current(schema):
        more = len(messages) - _MOST_FAULTS
        rest = [f"and {more} more"] if more > 0 else []
        raise ConfigError("\n".join([*(message() for message in messages[:_MOST_FAULTS]), *rest]))


def refuse_endless_values(options: Sequence[str]) -> None:
    """Refuse values that would grow beyond all bounds when a parser reads them."""
    for _ in assignments(options):
        pass  # each value is read, within bounds


def _messages_of_files(checker: Checker, files: Sequence[Path]) -> Iterator[Callable[[], str]]:
    for path in files:
        try:
            content = read_yaml(path)
        except FileError:
            return
        for fault in checker.faults(checker.root, content if isinstance(content, dict) else {}):
            yield partial(_message_of_file, fault, files)


def _message_of_file(fault: Fault, files: Sequence[Path]) -> str:
    return f"{printable(fault.text)}{_whereabouts(fault, files)}{fault.hints}"


def _whereabouts(fault: Fault, files: Sequence[Path]) -> str:
    """Name the lines of a fault; those of the whole list for an element that has no key."""
    for path in (fault.place, fault.place.rpartition("[")[0]):
        key = path.rpartition(".")[2]
        places = [place for place in places_of(key, files) if place.path == path]
        if key == "class_path":  # the message names the class already
            places = [place._replace(component="") for place in places]
        if places:
            return f"{fault.introduction}{', '.join(map(str, places))}"
    return ""


def _messages_of_options(checker: Checker, options: Sequence[str]) -> Iterator[Callable[[], str]]:
    for name, value in assignments(options):
        if name.endswith(".help") or name in _OTHER_OPTIONS:
            continue
        if (value is None and name in checker.options) or (
            isinstance(value, list | dict) and checker.takes_text(name)
        ):
            continue
        for fault in checker.faults_of_key(checker.root, name, "" if value is None else value):
            yield partial(
                _message_of_option, checker, fault, f"--{name}" if value is None else f"--{name} {value}"
            )


def _message_of_option(checker: Checker, fault: Fault, given: str) -> str:
    if not fault.text.startswith("there is no option"):
        return f"{printable(fault.text)}{fault.hints}"
    near = ", ".join(nearest_keys(fault.place, checker.options))
    return f"unrecognized arguments: {printable(given)}{near and f'; nearest: {near}'}"


def _messages_of_section(checker: Checker, command: str, options: Sequence[str]) -> list[str]:
    """Check what files and options state together: files that must be there, values in their ranges."""
    chosen = choose_model([command, *options]) if command in TRAINING_COMMANDS else ModelChoice([*options])
    section = stated_section(checker, chosen.arguments, list(assignments(chosen.arguments)))
    return [] if section is None else list(faults_of_section(command, section, chosen.huggingface))


def assignments(options: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of ``--name value`` and ``--name=value``.

    >>> list(assignments(["--model.lr", "1e-3", "--print_config", "--data.language=ru"]))
    [('model.lr', 0.001), ('print_config', None), ('data.language', 'ru')]
    """
    waiting = list(options)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--") or word == "--":
            continue
        name, is_joined, value = word.removeprefix("--").partition("=")
        if is_joined:
            yield name, from_text(value)
        elif waiting and not waiting[0].startswith("--"):
            yield name, from_text(waiting.pop(0))
        else:
            yield name, None

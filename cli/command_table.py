"""The table of commands, ``cli/command_table.txt``: what each one runs, and the help that lists all of them.

It costs milliseconds: nothing but the table is read.
"""

import difflib
import functools
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from experiment.errors import ConfigError
from installation import PROGRAM

TABLE = Path(__file__).with_suffix(".txt")
SCRIPT = "./run.sh"


class Command(NamedTuple):
    """One line of the table; the columns are explained there."""

    name: str
    front_door: str
    runs: str
    arguments: str
    does: str
    group: str

    @property
    def is_script(self) -> bool:
        """Whether only ``run.sh`` has it."""
        return self.front_door == "script"

    @property
    def takes_config(self) -> bool:
        """Whether it reads a configuration as training does."""
        return self.front_door == "config"

    @property
    def lightning(self) -> list[str]:
        """Lightning's subcommand and the options that it always gets; empty where a function of ours runs."""
        return [] if ":" in self.runs or self.is_script else self.runs.split()

    def run(self, arguments: Sequence[str]) -> int:
        """Run the command's own function; only now is its module imported."""
        module, _, function = self.runs.partition(":")
        return int(getattr(import_module(module), function)(arguments))


@functools.cache
def commands() -> tuple[Command, ...]:
    """Return all commands in the order of the table."""
    found, group = [], ""
    for line in _lines():
        if line.startswith("["):
            group = line.strip("[]")
        elif line and not line.startswith(">"):
            name, front_door, runs, arguments, does = map(str.strip, line.split("|"))
            found.append(Command(name, front_door, runs, arguments, does, group))
    return tuple(found)


def command_named(name: str) -> Command:
    """Return the command of a name, or of Lightning's name for it; an unknown one is refused.

    >>> command_named("validate").name
    'val'
    """
    for command in commands():
        if name in (command.name, *command.lightning[:1]) and not command.is_script:
            return command
    names = [command.name for command in commands() if not command.is_script]
    if any(name == command.name for command in commands()):
        raise ConfigError(f"{name} is a mode of {SCRIPT} alone: {SCRIPT} {name}")
    near = ", ".join(difflib.get_close_matches(name, names))
    nearest = f"; nearest: {near}" if near else ""
    raise ConfigError(f"unknown command {name!r}{nearest}; the commands are: {' '.join(names)}")


def help_of_all(program: str = SCRIPT) -> str:
    """Return the help that lists every command in one line, by groups, and then examples."""
    lines = [f"Usage: {program} COMMAND …"]
    for line in _lines():
        if "| script |" in line and PROGRAM != SCRIPT:
            continue  # they work on a checkout
        if line.startswith(">"):
            call, _, does = line.removeprefix("> ").partition("|")
            lines.append(f"  {program} {call}{does}")
        elif line and not line.startswith("["):
            name, _, _, arguments, does = line.split("|")
            lines.append(f"  {name}{arguments}{does}")
        else:
            lines.append(line.strip("[]"))
    return "\n".join(lines) + "\n"


def _lines() -> list[str]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]

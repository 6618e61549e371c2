"""The parser of commands that take no configuration as training does."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from cli.command_table import Command
from experiment.errors import ConfigError
from installation import PROGRAM


class ParserWantedError(Exception):
    """Carries a parser out of its command, whose arguments nobody has given."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__(parser.prog)
        self.parser = parser


class ToolParser(argparse.ArgumentParser):
    """Reports mistakes as the other commands do, and shows defaults; ``prog`` is like ``./run.sh export``."""

    _is_wanted = False

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(**{"formatter_class": _HelpWithDefaults, "allow_abbrev": False, **options})

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override] # noqa: ANN401
        """Parse as argparse does; where only the parser is wanted, hand it over."""
        if ToolParser._is_wanted:
            raise ParserWantedError(self)
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Report in one line what is wrong, and where to read more."""
        command = self.prog.removeprefix(f"{PROGRAM} ").split()[0]
        raise ConfigError(f"{command}: {message}; see {PROGRAM} {command} --help")

    @classmethod
    @contextmanager
    def wanted(cls) -> Iterator[None]:
        """Let commands hand over their parsers instead of running."""
        cls._is_wanted = True
        try:
            yield
        finally:
            cls._is_wanted = False


def parser_of(command: Command) -> argparse.ArgumentParser:
    """Return the parser that a command of ours makes for its arguments."""
    try:
        with ToolParser.wanted():
            command.run([])
    except ParserWantedError as wanted:
        return wanted.parser
    raise TypeError(f"{command.name}: its function must parse its arguments with ToolParser.parse_args")


class _HelpWithDefaults(argparse.HelpFormatter):
    """Adds the default where there is one to show."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        shows = action.option_strings and action.default not in (None, False, argparse.SUPPRESS)
        text = action.help or ""
        return f"{text} (default: %(default)s)" if shows and "%(default)" not in text else text

"""The argument parser: a mistake is one message about the value itself, with the nearest right key."""

from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from cli.configuration.parser_messages import shortened, with_nearest
from experiment.errors import ConfigError


class PhonemeArgumentParser(LightningArgumentParser):
    """Lightning's parser, whose errors are one message instead of a screen of usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the mistake; the command line prints it and ends with status 2."""
        parser = getattr(ex, "subcommand_parser", None) or self
        known = [action.dest for one in (parser, *_subparsers(parser)) for action in one._actions]
        raise ConfigError(shortened(with_nearest(message, known))) from ex


def _subparsers(parser: Any) -> list[Any]:  # noqa: ANN401 - jsonargparse's types
    """Return the parsers of a parser's commands."""
    commands = getattr(parser, "_subcommands_action", None)
    return list(getattr(commands, "_name_parser_map", {}).values())

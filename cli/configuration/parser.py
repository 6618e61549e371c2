"""The argument parser: a mistake is one message about the value itself, with the nearest right key."""

from typing import NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from cli.configuration.parser_messages import shortened, with_nearest
from experiment.errors import ConfigError


class PhonemeArgumentParser(LightningArgumentParser):
    """Lightning's parser, whose errors are one message instead of a screen of usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the mistake; the command line prints it and ends with status 2."""
        parser = getattr(ex, "subcommand_parser", None) or self
        commands = getattr(parser, "_subcommands_action", None)
        parsers = [parser, *getattr(commands, "_name_parser_map", {}).values()]
        known = [action.dest for each in parsers for action in each._actions]
        raise ConfigError(shortened(with_nearest(message, known))) from ex

"""The argument parser: a mistake is one message about the value itself, with the nearest right key."""

from typing import Any, NoReturn

import yaml
from jsonargparse import ArgumentParser, get_loader, set_loader

from cli.configuration.parser_messages import shortened, with_nearest
from cli.configuration.values.kept_texts import keep_texts
from experiment.errors import ConfigError
from untrusted.files import FileError
from untrusted.yaml_text import check_yaml

_SHORT = 1000  # characters; without aliases, its values are few
_parse = get_loader("yaml")


def _parse_checked(text: str) -> Any:  # noqa: ANN401 - any data
    """Parse a value or a file that jsonargparse has read; refuse what would grow beyond all bounds."""
    if "*" in text or "!" in text or len(text) > _SHORT:
        try:
            check_yaml(text, "a value")
        except FileError as error:
            raise yaml.YAMLError(str(error)) from error
    return keep_texts(_parse(text), _parse)


set_loader("yaml", _parse_checked, exceptions=(yaml.YAMLError,))


class ComponentParser(ArgumentParser):
    """jsonargparse's parser, whose errors are one message instead of a screen of usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the mistake; the command line prints it and ends with status 2."""
        parser = getattr(ex, "subcommand_parser", None) or self
        commands = getattr(parser, "_subcommands_action", None)
        parsers = [parser, *getattr(commands, "_name_parser_map", {}).values()]
        known = [action.dest for each in parsers for action in each._actions]
        raise ConfigError(shortened(with_nearest(message, known))) from ex

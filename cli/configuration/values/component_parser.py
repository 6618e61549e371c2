"""The argument parser: a mistake is one message about the value itself, with the nearest right key."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NoReturn

import yaml
from jsonargparse import ArgumentParser, Namespace, get_loader, set_loader
from typing_extensions import override

from cli.configuration.parser_messages import shortened, with_nearest
from cli.configuration.values.durations import keep_durations_apart
from cli.configuration.values.kept_texts import keep_texts
from experiment.errors import ConfigError
from untrusted.files import FileError
from untrusted.yaml_text import check_yaml

_SHORT = 1000  # characters; without aliases, its values are few
_PLAIN = (str, int, float, bool, type(None))  # what YAML has a form for, besides lists and mappings
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
keep_durations_apart()


class ComponentParser(ArgumentParser):
    """jsonargparse's parser: names of options are whole, and an error is one message, no screen of usage."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - jsonargparse's own
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    @override
    def dump(self, namespace: Namespace, *arguments: Any, **options: Any) -> str:
        """Write a configuration; values that YAML has no form for are written as texts."""
        try:
            return super().dump(namespace, *arguments, **options)
        except (TypeError, ValueError, yaml.YAMLError):  # one such value would keep all others unwritten
            is_part = not {"trainer", "subcommand"} & vars(namespace).keys()
            if is_part and "skip_validation" in options:  # --print_config tries whether a class takes a value
                raise
            options["skip_validation"] = True
            return super().dump(representable(namespace), *arguments, **options)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the mistake; the command line prints it and ends with status 2."""
        parser = getattr(ex, "subcommand_parser", None) or self
        commands = getattr(parser, "_subcommands_action", None)
        parsers = [parser, *getattr(commands, "_name_parser_map", {}).values()]
        known = [action.dest for each in parsers for action in each._actions]
        raise ConfigError(shortened(with_nearest(message, known))) from ex


def representable(value: Any) -> Any:  # noqa: ANN401 - any part of it
    """Return a part of a configuration with texts in the place of values that YAML has no form for.

    >>> from datetime import timedelta
    >>> representable({"duration": timedelta(minutes=5), "steps": (1, 2)})
    {'duration': '0:05:00', 'steps': [1, 2]}
    """
    if isinstance(value, Namespace):
        return Namespace({key: representable(one) for key, one in vars(value).items()})
    if isinstance(value, Mapping):
        return {representable(key): representable(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [representable(one) for one in value]
    if isinstance(value, Enum):
        return str(value.value) if isinstance(value, str) else value.name
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return value if type(value) in _PLAIN else str(value)

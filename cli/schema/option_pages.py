"""What the help of training and the reference say about options, read from the schema."""

import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

from cli.configuration.model_option import EVALUATIONS
from cli.schema.leaf_values import alternatives, expectation
from cli.schema.schema_file import COMMANDS, Schema

_WIDTH = 110
_HELP_COLUMN = 34
# Of the Trainer's arguments, those that most runs set; --help-all lists all.
_USUAL = (
    *("accelerator", "devices", "precision", "max_epochs", "max_steps", "max_time"),
    *("limit_train_batches", "limit_val_batches", "val_check_interval", "accumulate_grad_batches"),
    *("gradient_clip_val", "callbacks", "logger", "default_root_dir"),
)
_INTRODUCTION = """Usage: {program} {name} [CONFIG] [--OPTION VALUE …]

CONFIG is a YAML file; options override its keys, such as --model.lr 0.0003. Several --config FILE may
follow each other: later ones win. --print_config prints the whole configuration and ends.
--help-all lists every option, with all of Lightning's Trainer.
"""


class Option(NamedTuple):
    """A key of the configuration."""

    name: str
    kind: str  # in words
    default: str  # as YAML has it; empty where there is none
    meaning: str


_MODEL = Option(
    "model",
    "text",
    "",
    "The model to evaluate: an experiment's folder or name, a checkpoint file, or the folder or hub id of a "
    "Hugging Face model.",
)


def options_of(schema: Schema, section: str) -> list[Option]:
    """List the keys of a section; those of the top level that are no sections for an empty name."""
    properties = schema["properties"][section]["properties"] if section else schema["properties"]
    prefix = f"{section}." if section else ""
    keys = [key for key, node in properties.items() if section or "properties" not in node]
    return [option_of(f"{prefix}{key}", properties[key], schema) for key in keys if key != "$schema"]


def option_of(name: str, node: Schema, schema: Schema) -> Option:
    """Describe a key."""
    kinds = alternatives(node, schema.get("$defs", {}))
    default = _as_yaml(node["default"]) if "default" in node else ""
    return Option(name, expectation(kinds) or "any", default, node.get("description", ""))


def help_of_training(schema: Schema, program: str, name: str, subcommand: str) -> str:
    """Return the help of a command that reads a configuration: our options first, with their defaults."""
    lines = [_INTRODUCTION.format(program=program, name=name)]
    own = schema.get(COMMANDS, {}).get(subcommand, {})
    of_command = [option_of(key, own[key], schema) for key in own]
    if subcommand in EVALUATIONS:
        of_command.insert(0, _MODEL)
    if of_command:
        lines += _section("Of evaluations" if subcommand in EVALUATIONS else f"Of {name} alone", of_command)
    for title, section in (
        ("The run", ""),
        ("Audio format", "audio_params"),
        ("Model", "model"),
        ("Data", "data"),
        ("Search", "optuna"),
        ("Study", "study"),
    ):
        lines += _section(title, options_of(schema, section))
    usual = [one for one in options_of(schema, "trainer") if one.name.partition(".")[2] in _USUAL]
    return "\n".join([*lines, *_section("Trainer (the usual ones)", usual)]) + "\n"


def _section(title: str, options: list[Option]) -> Iterator[str]:
    yield title
    for option in options:
        default = f" (default: {option.default})" if option.default else ""
        text = f"{option.meaning} [{option.kind}]{default}".strip()
        lines = textwrap.wrap(text, _WIDTH - _HELP_COLUMN)
        name = f"  --{option.name}"
        if len(name) >= _HELP_COLUMN:
            yield name
            name = ""
        for number, line in enumerate(lines):
            yield f"{name if number == 0 else '':<{_HELP_COLUMN}}{line}"
    yield ""


def _as_yaml(value: Any) -> str:  # noqa: ANN401 - any default
    """Write a default as YAML would have it.

    >>> [_as_yaml(value) for value in (None, True, 0.5, "auto", [])]
    ['null', 'true', '0.5', 'auto', '[]']
    """
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(str(each.get("class_path", each)).rpartition(".")[2] for each in value)
    return str(value)

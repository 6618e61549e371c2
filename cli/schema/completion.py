"""The completion of commands and options in bash, as a script that needs no Python when it runs."""

import argparse
from collections.abc import Iterator

from cli.command_table import Command, commands
from cli.configuration.tool_parser import parser_of
from cli.schema.leaf_values import alternatives
from cli.schema.option_pages import options_of
from cli.schema.schema_file import COMMANDS, ROOT, Schema

COMPLETION_FILE = ROOT / "front_door/completion.bash"
_SECTIONS = ("", "audio_params", "model", "data", "trainer", "optuna", "study")
_OF_TRAINING = ("config", "help", "help-all", "print_config")
_SCRIPT = """\
# shellcheck shell=bash
# Completes the commands and options of run.sh in bash (in zsh after `autoload bashcompinit && bashcompinit`):
#   source front_door/completion.bash
# Written by ./run.sh reference; never by hand.

_phonemes_training=({training})

_phonemes_options() {{
    case $1 in
{options}
    esac
}}

_phonemes_choices() {{
    case "$1 $2" in
{choices}
    esac
}}

_phonemes() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} offered
    local command=${{COMP_WORDS[1]:-}}
    if ((COMP_CWORD == 1)); then
        offered="{names} --help --version"
    elif [[ $word == -* ]]; then
        offered=$(_phonemes_options "$command")
    else
        offered=$(_phonemes_choices "$command" "$before")
    fi
    # shellcheck disable=SC2207  # words without spaces; bash 3.2 has no mapfile
    COMPREPLY=($(compgen -W "$offered" -- "$word"))
}}

complete -o default -o bashdefault -F _phonemes run.sh ./run.sh phonemes
"""


def completion_script(schema: Schema) -> str:
    """Return the script."""
    tools = {command: parser_of(command) for command in commands() if _is_tool(command)}
    keys = [option.name for section in _SECTIONS for option in options_of(schema, section)]
    training = [f"--{name}" for name in (*_OF_TRAINING, *keys)]
    return _SCRIPT.format(
        training=" ".join(training),
        options="\n".join([*_training(schema), *_tools(tools)]),
        choices="\n".join([*_choices_of_training(schema), *_choices_of_tools(tools)]),
        names=" ".join(command.name for command in commands()),
    )


def _is_tool(command: Command) -> bool:
    return not command.takes_config and not command.is_script


def _training(schema: Schema) -> Iterator[str]:
    for command in commands():
        if command.takes_config:
            own = schema[COMMANDS].get((command.lightning or [command.name])[0], {})
            more = "".join(f" --{name}" for name in own)
            yield f'        {command.name}) echo "${{_phonemes_training[*]}}{more}" ;;'


def _tools(tools: dict[Command, argparse.ArgumentParser]) -> Iterator[str]:
    for command, parser in tools.items():
        options = [name for action in _actions(parser) for name in action.option_strings if name[:2] == "--"]
        yield f'        {command.name}) echo "{" ".join(dict.fromkeys(options))}" ;;'


def _choices_of_training(schema: Schema) -> Iterator[str]:
    """Yield the choices of the keys that have some, the same for every command."""
    sections = {name: schema["properties"][name] for name in _SECTIONS if name}
    for section, node in sections.items():
        for key, inner in node["properties"].items():
            kinds = alternatives(inner, schema["$defs"])
            words = [str(choice) for kind in kinds for choice in kind.get("enum", ())]
            words += [
                word for kind in kinds if "boolean" in kind.get("type", ()) for word in ("true", "false")
            ]
            if words:
                yield f'        *" --{section}.{key}") echo "{" ".join(dict.fromkeys(words))}" ;;'


def _choices_of_tools(tools: dict[Command, argparse.ArgumentParser]) -> Iterator[str]:
    for command, parser in tools.items():
        for action in _actions(parser):
            words = " ".join(map(str, action.choices or ()))
            if words and action.option_strings:
                yield f'        "{command.name} {action.option_strings[-1]}") echo "{words}" ;;'
        below = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        for each in below:
            yield f'        "{command.name} {command.name}") echo "{" ".join(each.choices)}" ;;'


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the actions of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)

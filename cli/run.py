"""One command from arguments to exit status: 0 done, 1 failed while running, 2 wrong configuration.

128 plus the number of a signal: stopped by that signal (130 by Ctrl-C, 143 by SIGTERM; 141: the program that
reads the output has closed the pipe).
"""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.command_table import Command, command_named, help_of_all
from cli.configuration.parser_messages import whereabouts
from cli.configuration.sections import SearchRequest, StartSearch, StudyRequest
from cli.configuration.yaml_files import check_yaml_files, config_files
from cli.console import set_up_logging, wants_tracebacks
from cli.schema.first_check import check_first, refuse_endless_values
from cli.schema.option_pages import help_of_training
from cli.schema.schema_file import read_schema
from experiment.errors import ConfigError, IncompleteError, in_one_line
from experiment.ranks import die_with_the_first, is_first
from experiment.revision import version_lines
from installation import PROGRAM, existing_or_shipped, program_typed
from stop_signals import Stopped, handled, leave_messages_to_first, report
from untrusted.files import FileError
from untrusted.printing import printable_lines

_STATUS_OF_SIGNALS = 128
_HELP = {"-h", "--help", "--help-all"}
_DEFAULT_CONFIG = Path("config/config.yaml")


def run(arguments: Sequence[str], start_search: StartSearch | None = None) -> int:
    """Run the command line, and return its exit status; without ``start_search``, refuse a search."""
    if not is_first():
        leave_messages_to_first()
    if not arguments or arguments[0] in {*_HELP, "help"}:
        sys.stdout.write(help_of_all(program_typed()))
        return 0 if arguments else 2
    if arguments[0] == "--version":
        sys.stdout.write(version_lines())
        return 0
    name, *options = arguments
    files: list[Path] = []
    try:
        with handled():
            if name.startswith("-"):  # options before the subcommand, as LightningCLI takes them
                files = config_files(arguments)
                check_yaml_files(files)
                refuse_endless_values(arguments)
                return _run_cli(
                    lambda: _ended("main.py", lambda: _run_lightning(list(arguments), start_search))
                )
            command = command_named(name)
            if not command.takes_config:
                set_up_logging()
                return _ended(name, lambda: command.run(options))
            if _HELP & set(options) and (text := _help_of(command, name)) and "--help-all" not in options:
                sys.stdout.write(text)
                return 0
            options = ["--help" if option == "--help-all" else option for option in options]
            options = with_config(options, is_ours=name == command.name)
            files = config_files(options)
            check_yaml_files(files)
            subcommand, *fixed = command.lightning or [name]
            check_first(subcommand, [*options, *fixed], files)
            return _run_cli(lambda: _run_configured(command, options, start_search))
    except Stopped as stop:
        return report(stop)
    except (ConfigError, FileError) as error:
        return _fail(error, f"{error}{whereabouts(str(error), files)}", status=2)


def _help_of(command: Command, name: str) -> str:
    """Return the help of a command that reads a configuration; empty where there is no schema to read."""
    schema = read_schema()
    subcommand = (command.lightning or [name])[0]
    program = PROGRAM if name == command.name else program_typed()
    return help_of_training(schema, program, name, subcommand) if schema else ""


def with_config(options: list[str], *, is_ours: bool) -> list[str]:
    """Name the configuration by an option: the first word, or the default of a command of ``run.sh``.

    >>> with_config(["config/demo.yaml", "--model.lr", "1"], is_ours=True)
    ['--config', 'config/demo.yaml', '--model.lr', '1']
    >>> with_config(["--model.lr", "1"], is_ours=False)
    ['--model.lr', '1']
    """
    options = _found_files(options)
    if options and not options[0].startswith("-"):
        return ["--config", str(existing_or_shipped(options[0])), *options[1:]]
    default = existing_or_shipped(_DEFAULT_CONFIG)
    if is_ours and not config_files(options) and not _HELP & set(options) and default.is_file():
        sys.stderr.write(f"no configuration given: {default} is used\n")
        return ["--config", str(default), *options]
    return options


def _found_files(options: list[str]) -> list[str]:
    """Name shipped configurations by their whole path, where the caller's folder has none of that name.

    >>> _found_files(["--config=missing.yaml", "-c", "/tmp/a.yaml", "--model.lr", "1"])
    ['--config=missing.yaml', '-c', '/tmp/a.yaml', '--model.lr', '1']
    """
    found = []
    for before, option in zip(["", *options], options, strict=False):
        if before in {"-c", "--config"}:
            option = str(existing_or_shipped(option))
        elif option.startswith("--config="):
            option = f"--config={existing_or_shipped(option.removeprefix('--config='))}"
        found.append(option)
    return found


def _run_configured(command: Command, options: list[str], start_search: StartSearch | None) -> int:
    """Run a command that reads a configuration as training does."""
    if not command.lightning:
        return _ended(command.name, lambda: command.run(options))
    subcommand, *fixed = command.lightning
    return _ended(command.name, lambda: _run_lightning([subcommand, *options, *fixed], start_search))


def _run_cli(command: Callable[[], int]) -> int:
    # Imported only now: these imports take seconds, and a missing file is reported without them.
    from dataset_modules.batches.position import PlaceError
    from dataset_modules.batches.worker_watch import LoaderTimeoutError, SharedMemoryError
    from dataset_modules.recording import AudioError
    from models.weights import CheckpointError, DivergedError
    from phonetics import VocabularyError

    set_up_logging(only_warnings=not is_first())
    try:
        return command()
    except PlaceError as error:
        return _fail(error, str(error), status=2)
    except (
        *(AudioError, CheckpointError, DivergedError, IncompleteError, LoaderTimeoutError),
        *(SharedMemoryError, VocabularyError),
    ) as error:
        return _fail(error, str(error), status=1)


def _run_lightning(arguments: list[str], start_search: StartSearch | None) -> int:
    """Run one of Lightning's subcommands, or the search that the configuration asks for."""
    from cli.configuration.model_option import choose_model
    from cli.phoneme_cli import PhonemeCLI

    die_with_the_first()
    chosen = choose_model(arguments)
    cli = PhonemeCLI(chosen.arguments, chosen.huggingface)
    if not cli.is_search:
        return 0
    if start_search is None:
        option, kind = ("study.run", "study") if cli.section.study.run else ("optuna.tune", "search")
        raise ConfigError(f"{option}: true is a {kind}; start it with {PROGRAM} train or main.py fit")
    request = cli.search_request()
    if not cli.section.study.run:
        return start_search(request)

    def with_files(files: Sequence[str]) -> SearchRequest:
        """Parse the command line once more, with further files."""
        paths = [existing_or_shipped(file) for file in files]
        check_yaml_files(paths)
        words = [word for path in paths for word in ("--config", str(path))]
        return PhonemeCLI(
            [*chosen.arguments, *words, "--study.run=false", "--optuna.tune=true"]
        ).search_request()

    return start_search(StudyRequest(request.config, with_files))


def _ended(name: str, command: Callable[[], int]) -> int:
    """Return a command's exit status, also where the system or the user ended it."""
    try:
        status = command()
        sys.stdout.flush()  # a closed pipe is noticed here
    except BrokenPipeError:  # as of head, which has read enough
        _discard_output()
        return _STATUS_OF_SIGNALS + signal.SIGPIPE
    except OSError as error:
        _discard_output()
        return _fail(error, f"{name}: {in_one_line(error)}", status=1)
    return status


def _discard_output() -> None:
    """Redirect the output to nowhere if it cannot be written, so that Python can flush it when it exits."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):  # no file stands behind it
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)


def _fail(error: Exception, message: str, status: int) -> int:
    """Write one message, and the traceback where the user asked for it."""
    if wants_tracebacks():
        traceback.print_exception(error)
    # Names from data steer no terminal; what they bring as lines stands below this one, indented.
    sys.stderr.write(f"error: {printable_lines(message.rstrip(), indent='  ')}\n")
    return status

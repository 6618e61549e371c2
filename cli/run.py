"""One command from arguments to exit status: 0 done, 1 failed while running, 2 wrong configuration.

128 plus the number of a signal: stopped by that signal (130 by Ctrl-C, 143 by SIGTERM; 141: the program that
reads the output has closed the pipe).
"""

import contextlib
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence

from cli.configuration.parser_messages import whereabouts
from cli.configuration.sections import StartSearch
from cli.configuration.yaml_files import check_yaml_files, config_files
from cli.console import set_up_logging, wants_tracebacks
from experiment.errors import ConfigError
from experiment.ranks import die_with_the_first, is_first

_STATUS_OF_SIGNALS = 128
# Commands that have other arguments than training.
_TOOLS = {
    "export": ("cli.commands.export", "run_export"),
    "lm": ("cli.commands.language_model", "run_language_model"),
    "report": ("cli.commands.report", "run_report"),
    "transcribe": ("cli.commands.transcribe", "run_transcribe"),
    "vocabulary": ("cli.commands.vocabulary", "run_vocabulary"),
}
_HELP_OF_DOCTOR = """usage: ./run.sh doctor [CONFIG] [--audio N] [OVERRIDES…]

Examines the data as training with this configuration reads them: writes a report, its numbers and a summary.
Exit status 1 where training would fail.

--audio N       write N training clips before and after augmentation, to listen to
OVERRIDES       what training takes, as --data.batch_size 4: see ./run.sh train --help
"""


def run(arguments: Sequence[str], start_search: StartSearch | None = None) -> int:
    """Run the command line, and return its exit status; without ``start_search``, refuse a search."""
    files = config_files(arguments)
    try:
        if arguments and arguments[0] in _TOOLS:
            set_up_logging()
            module, function = _TOOLS[arguments[0]]
            command = getattr(importlib.import_module(module), function)
            return _ended(arguments[0], lambda: command(arguments[1:]))
        check_yaml_files(files)
        return _run_cli(list(arguments), start_search)
    except ConfigError as error:
        return _fail(error, f"{error}{whereabouts(str(error), files)}", status=2)


def _run_cli(arguments: list[str], start_search: StartSearch | None) -> int:
    # Imported only now: these imports take seconds, and a missing file is reported without them.
    from callbacks.every_run.stopping import Stopped
    from dataset_modules.batches.position import PlaceError
    from dataset_modules.recording import AudioError
    from models.weights import CheckpointError
    from phonetics import VocabularyError

    set_up_logging(only_warnings=not is_first())
    try:
        return _command(arguments, start_search)
    except PlaceError as error:
        return _fail(error, str(error), status=2)
    except (AudioError, CheckpointError, VocabularyError) as error:
        return _fail(error, str(error), status=1)
    except Stopped as stop:
        if is_first():
            sys.stderr.write(f"{stop.message}\n")
        return int(stop.code or 0)


def _command(arguments: list[str], start_search: StartSearch | None) -> int:
    """Run one command of ours, or one of Lightning's."""
    if arguments[:1] == ["doctor"]:
        if {"-h", "--help"} & set(arguments):
            sys.stdout.write(_HELP_OF_DOCTOR)
            return 0
        from cli.commands.doctor import run_doctor

        return _ended("doctor", lambda: run_doctor(arguments[1:]))
    from callbacks.every_run.stopping import StopRequests
    from cli.phoneme_cli import PhonemeCLI

    die_with_the_first()
    requests = StopRequests()
    with requests.handled():
        cli = PhonemeCLI(arguments, requests)
    if not cli.is_search:
        return 0
    if start_search is None:
        raise ConfigError("optuna.tune: true is a search; start it with ./run.sh train or main.py fit")
    return start_search(cli.search_request())


def _ended(name: str, command: Callable[[], int]) -> int:
    """Return a command's exit status, also where the system or the user ended it."""
    try:
        status = command()
        sys.stdout.flush()  # a closed pipe is noticed here
    except BrokenPipeError:  # as of head, which has read enough
        with contextlib.suppress(OSError):  # no file stands behind it
            # Redirected to nowhere, so that Python can flush it when it exits.
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)
        return _STATUS_OF_SIGNALS + signal.SIGPIPE
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
        return _fail(error, f"{name}: {what}", status=1)
    except KeyboardInterrupt:
        sys.stderr.write("stopped by SIGINT\n")
        return _STATUS_OF_SIGNALS + signal.SIGINT
    return status


def _fail(error: Exception, message: str, status: int) -> int:
    """Write one message, and the traceback where the user asked for it."""
    if wants_tracebacks():
        traceback.print_exception(error)
    sys.stderr.write(f"error: {message}\n")
    return status

"""One command from arguments to exit status: 0 done, 1 failed while running, 2 wrong configuration."""

import logging
import os
import sys
import traceback
from collections.abc import Sequence

from cli.errors import ConfigError
from cli.yaml_files import check_yaml_files, config_files

DEBUG_VARIABLE = "PHONEME_DEBUG"


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns its exit status."""
    try:
        check_yaml_files(config_files(arguments))
        return _run_cli(list(arguments))
    except ConfigError as error:
        return _fail(error, status=2)


def _run_cli(arguments: list[str]) -> int:
    # Imported only now: these imports cost seconds, a missing file should not.
    from cli.phoneme_cli import PhonemeCLI
    from cli.console import quieten
    from dataset_modules.recording import AudioError
    from models.weights import CheckpointError
    from phonetics import VocabularyError

    quieten()
    try:
        PhonemeCLI(arguments)
    except (AudioError, CheckpointError, VocabularyError) as error:
        return _fail(error, status=1)
    return 0


def _fail(error: Exception, status: int) -> int:
    """One message; the traceback only where it was asked for."""
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    sys.stderr.write(f"error: {error}\n")
    logging.shutdown()
    return status

"""The parser of commands that take no configuration as training does."""

import argparse
from typing import NoReturn

from experiment.errors import ConfigError
from installation import PROGRAM


class ToolParser(argparse.ArgumentParser):
    """Reports mistakes as the other commands do; ``prog`` is like ``./run.sh export``."""

    def error(self, message: str) -> NoReturn:
        """Report in one line what is wrong, and where to read more."""
        command = self.prog.removeprefix(f"{PROGRAM} ").split()[0]
        raise ConfigError(f"{command}: {message}; see {PROGRAM} {command} --help")

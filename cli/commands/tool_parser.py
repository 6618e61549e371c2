"""The parser of commands that take no configuration as training does."""

import argparse
from typing import NoReturn

from experiment.errors import ConfigError

SCRIPT = "./run.sh"


class ToolParser(argparse.ArgumentParser):
    """Reports mistakes as the other commands do; ``prog`` is like ``./run.sh export``."""

    def error(self, message: str) -> NoReturn:
        """Report in one line what is wrong, and where to read more."""
        command = self.prog.removeprefix(f"{SCRIPT} ").split()[0]
        raise ConfigError(f"{command}: {message}; see {SCRIPT} {command} --help")

"""A recording that a data set lists and cannot offer: reading it says why, so preparation counts it."""

from pathlib import Path
from typing import NamedTuple, NoReturn

from dataset_modules.recording import AudioError


class UnusableAudio(NamedTuple):
    """An audio source without audio.

    >>> UnusableAudio("the row has 3 columns, the header 9").fingerprint()
    'unusable: the row has 3 columns, the header 9'
    """

    reason: str
    path: Path | None = None  # of the file, where one is known

    def fingerprint(self) -> str:
        """The reason; there is nothing else."""
        return f"unusable: {self.reason}"

    def read(self) -> NoReturn:
        """Refuse with the reason."""
        raise AudioError(self.reason)

"""A user's logger, as a configuration names it by class_path."""

import time
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger


class RecordingLogger(Logger):
    """Keeps what it receives, in the class: the command line builds the object."""

    received: dict[str, Any] = {}

    def __init__(self, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken
        type(self).received = {"metrics": [], "configuration": {}}

    @property
    def name(self) -> str:
        return "recording"

    @property
    def version(self) -> int:
        return 0

    @property
    def experiment(self) -> object:
        if self.broken:
            raise ConnectionError("no access\nmore lines")
        return self

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.received["metrics"].append((step, metrics))

    def log_hyperparams(self, params: dict[str, Any], *args: object, **kwargs: object) -> None:
        self.received["configuration"] = params


def is_recorded(file: Path, text: bytes, seconds: float = 60.0) -> bool:
    """W&B's own process has written a text; on a busy machine it goes on after the run has finished."""
    deadline = time.monotonic() + seconds
    while text not in file.read_bytes():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True

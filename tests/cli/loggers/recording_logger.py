"""A logger of one's own, as a configuration names it by class_path."""

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

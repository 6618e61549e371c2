"""A callback and a data set that send their process a signal at a chosen moment, from within a destructor."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback

from dataset_modules.synthetic import SyntheticSpeechDataset

HOOKS = (
    "setup",
    "on_sanity_check_start",
    "on_train_batch_end",
    "on_validation_batch_start",
    "on_validation_end",
    "on_train_end",
    "on_test_batch_end",
)
REPORT = "report"  # while the report is drawn


class Dying:
    """Sends a signal when Python destroys it: an exception of the handler would be lost there."""

    def __init__(self, number: int, note: Path) -> None:
        self.number, self.note = number, note

    def __del__(self) -> None:
        self.note.write_text(str(time.time()))
        os.kill(os.getpid(), self.number)


class UntimelySignal(Callback):
    """Sends one signal.

    Args:
        note: the file for the time at which it is sent.
        moment: one of ``HOOKS``, or ``REPORT``.
        signal_name: the signal.
        stage: what the Trainer does then.
    """

    def __init__(self, note: str, moment: str, signal_name: str, stage: str = "fit") -> None:
        self.note, self.moment, self.stage = Path(note), moment, stage
        self.number = signal.Signals[signal_name]

    def _reached(self, trainer, moment) -> None:
        now = (moment, trainer.state.fn, self.note.exists())
        checks_sanity = trainer.sanity_checking and moment != "on_sanity_check_start"
        if now == (self.moment, self.stage, False) and not checks_sanity:
            Dying(self.number, self.note)

    def on_fit_start(self, *_) -> None:
        if self.moment == REPORT:
            import reports.experiment_page

            page = reports.experiment_page.experiment_page

            def drawn(*arguments):
                Dying(self.number, self.note)
                return page(*arguments)

            reports.experiment_page.experiment_page = drawn


def _watcher(moment):
    def watch(self, trainer, *_, **__):
        self._reached(trainer, moment)

    return watch


for _moment in HOOKS:
    setattr(UntimelySignal, _moment, _watcher(_moment))


class UntimelyDataset(SyntheticSpeechDataset):
    """Sends a signal while its recordings are listed for the preparation.

    Args:
        note: the file for the time at which it is sent.
        signal_name: the signal.
        options: those of the synthetic data set.
    """

    def __init__(self, note: str, signal_name: str, **options: Any) -> None:
        super().__init__(**options)
        self.note, self.number = Path(note), signal.Signals[signal_name]

    def recordings(self, split):
        """List the recordings; the second one comes with the signal."""
        for place, recording in enumerate(super().recordings(split)):
            if place == 1 and not self.note.exists():
                Dying(self.number, self.note)
            yield recording

"""A callback that ends the program after the first step of training, and notes what it cost."""

import json
import os
import resource
import threading
import time
from pathlib import Path

from lightning.pytorch import Callback

_LOOK_EVERY_S = 0.02


class EndsAfterFirstStep(Callback):
    """Writes the processor's time and the peak of memory into the file that ``FIRST_STEP_NOTE`` names.

    Memory is what the process has allocated: pages of mapped caches, which the system can drop, do not count.
    """

    def __init__(self) -> None:
        self._peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, allocated())
            time.sleep(_LOOK_EVERY_S)

    def on_train_batch_end(self, *_: object) -> None:
        """End at once; nothing that follows is measured."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        cost = {"processor": used.ru_utime + used.ru_stime, "gigabytes": self._peak / 1e9}
        Path(os.environ["FIRST_STEP_NOTE"]).write_text(json.dumps(cost), encoding="utf-8")
        os._exit(0)


def allocated() -> int:
    """Return the bytes of this process that no file on disk holds."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0

"""An augmentation that hangs in a loader's worker, once."""

import os
import signal
import time
from pathlib import Path

from audiomentations.core.transforms_interface import BaseWaveformTransform
from torch.utils.data import get_worker_info


class HangOnce(BaseWaveformTransform):
    """Sleeps for ever in a worker after some clips.

    Args:
        note: a file that is written when it hangs; where it is there, nothing hangs.
        after: the clips of each worker before.
        stops: whether the worker stops itself instead, so that not even SIGTERM ends it.
        signal_name: what is sent to the parent a moment later.
        p: the probability.
    """

    def __init__(
        self, note: str, after: int = 6, stops: bool = False, signal_name: str | None = None, p: float = 1.0
    ) -> None:
        super().__init__(p)
        self.note, self.after, self.stops, self.signal_name = Path(note), after, stops, signal_name
        self.calls = 0

    def apply(self, samples, sample_rate):
        self.calls += 1
        if get_worker_info() is not None and self.calls > self.after and self._is_first():
            if self.signal_name:
                time.sleep(1.0)  # the batches before are trained on by then
                os.kill(os.getppid(), signal.Signals[self.signal_name])
            if self.stops:
                os.kill(os.getpid(), signal.SIGSTOP)
            while True:
                time.sleep(1)
        return samples

    def _is_first(self):
        """Write the note, unless another worker has; two may arrive at the same time."""
        try:
            with self.note.open("x") as file:
                file.write(f"{os.getpid()} {time.time()}")
        except FileExistsError:
            return False
        return True

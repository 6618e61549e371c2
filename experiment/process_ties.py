"""Who dies with whom: Linux can tie a process to the one that started it."""

import contextlib
import ctypes
import os
import signal
from pathlib import Path

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_EAGERNESS = "500"  # of 1000: the kernel takes a trial's memory before its parent's


def die_with_parent(parent: int) -> None:
    """Be killed when this process' parent ends, however that happens; where the system can do that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it has died before it was asked
        os._exit(1)


def become_first_victim() -> None:
    """When memory runs out, let it be this process that goes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_EAGERNESS, encoding="ascii")

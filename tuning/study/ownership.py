"""Which process runs a trial, and whether it still does."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from optuna.trial import FrozenTrial

OWNER, BEAT = "owner", "beat"  # attributes of a trial
BEAT_INTERVAL_S = 20.0
PATIENCE_S = 90.0  # without a new beat from elsewhere


def this_process() -> dict[str, Any]:
    """What tells this process from every other, also from a later one with its number."""
    return {"host": _host(), "pid": os.getpid(), "started": _start_of(os.getpid())}


def fate_of(owner: Mapping[str, Any]) -> Literal["lives", "gone", "elsewhere"]:
    """What became of an owner, as far as this machine can tell."""
    if owner.get("host") != _host():
        return "elsewhere"
    return "lives" if _start_of(int(owner["pid"])) == owner["started"] else "gone"


class Watch:
    """Tells owners on other machines that have fallen silent from those that work; clocks need not agree."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._seen: dict[int, tuple[object, float, bool]] = {}  # trial → last beat, since when, has it moved

    def is_silent(self, trial: FrozenTrial) -> bool:
        """Whether no beat has come for too long; the first look starts the clock."""
        beat, now = (trial.user_attrs.get(OWNER), trial.user_attrs.get(BEAT)), time.monotonic()
        known = self._seen.get(trial.number)
        if known is None or known[0] != beat:
            self._seen[trial.number] = (beat, now, known is not None)
            return False
        return now - known[1] > self._patience_s

    def is_undecided(self, trial: FrozenTrial) -> bool:
        """Whether neither a beat nor a long silence has told yet what became of the owner."""
        known = self._seen.get(trial.number)
        return known is None or not known[2]


def _host() -> str:
    """This machine since its start; within a container, the container."""
    return f"{socket.gethostname()} {_boot()} {_process_space()}"


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


def _process_space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _start_of(process: int) -> str | None:
    """When a process began, in the kernel's ticks; None where it has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]

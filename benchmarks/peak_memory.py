"""The most memory that this process held at once."""

from pathlib import Path


def peak_megabytes() -> float:
    """By the kernel's account of this program alone.

    ``getrusage`` would not do: a program inherits the figure of the process that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))

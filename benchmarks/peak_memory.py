"""Peak memory of this process."""

from pathlib import Path


def peak_megabytes() -> float:
    """Return the peak by the kernel's account of this program alone.

    ``getrusage`` is of no use: a program inherits the peak of the process that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))

"""What a trial came to: values, pruned, or a failure with its kind and reason."""

import signal
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tuning.trials.trial_files import Report

FailureKind = Literal["error", "configuration", "memory", "nan", "killed", "timeout"]
_WRONG_CONFIGURATION = 2
_BY_SIGNAL = 128
# A run that is asked to stop ends by itself, with a status that says so.
_STOPPED = [_BY_SIGNAL + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
_MEMORY = (
    "MemoryError",
    "out of memory",
    "OutOfMemoryError",
    "Cannot allocate memory",
    "can't allocate memory",
)
_NOT_A_NUMBER = ("DivergedError", "is not a number", "stopped being a number")


class Failure(NamedTuple):
    """Why a trial has no value."""

    kind: FailureKind
    reason: str


def failure_of(status: int, said: str) -> Failure:
    """What an exit status other than 0 means, with what the trial said last.

    >>> failure_of(-9, "")
    Failure(kind='killed', reason='killed by SIGKILL, as the system does where memory has run out')
    >>> failure_of(143, "stopped by SIGTERM: step 5 is kept")
    Failure(kind='killed', reason='killed by SIGTERM')
    >>> failure_of(1, "RuntimeError: CUDA out of memory").kind
    'memory'
    """
    number = status - _BY_SIGNAL if status in _STOPPED else -status
    if number > 0:
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        hint = ", as the system does where memory has run out" if name == "SIGKILL" else ""
        return Failure("killed", f"killed by {name}{hint}")
    if any(word in said for word in _MEMORY):
        return Failure("memory", said)
    if any(word in said for word in _NOT_A_NUMBER):
        return Failure("nan", said)
    if status == _WRONG_CONFIGURATION:
        return Failure("configuration", said)
    return Failure("error", said or f"ended with status {status}")


def values_of(reports: Sequence[Report], metrics: Sequence[str], *, minimize: bool) -> list[float] | Failure:
    """A trial's values: those of the validation that was best in the first metric.

    >>> reports = [Report(0, {"val_per": 0.5, "val_loss": 1.0}), Report(1, {"val_per": 0.4, "val_loss": 2.0})]
    >>> values_of(reports, ["val_per", "val_loss"], minimize=True)
    [0.4, 2.0]
    """
    if not reports:
        return Failure(
            "error", "it ended without a validation; check trainer.val_check_interval and max_steps"
        )
    missing = [name for name in metrics if name not in reports[-1].figures]
    if missing:
        known = ", ".join(reports[-1].figures)
        return Failure("configuration", f"it reports no {missing[0]}; it reports {known}")
    # A figure of training may come later than the first validation.
    whole = [report for report in reports if all(name in report.figures for name in metrics)]
    best = (min if minimize else max)(whole, key=lambda report: report.values(metrics)[0])
    return best.values(metrics)

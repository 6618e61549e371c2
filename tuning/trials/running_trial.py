"""A trial while its process runs, and its outcome: values, pruned, or a failure with kind and reason."""

import json
import math
import signal
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from optuna.trial import Trial

from tuning.trials.trial_run import LOG, REPORTS

GRACE_S = 15.0  # for a trial that was asked to end
_WRONG_CONFIGURATION = 2
_BY_SIGNAL = 128
# A run that is asked to stop ends by itself, with a status that names the signal.
_STOPPED = [_BY_SIGNAL + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)]
_MEMORY = ("MemoryError", "out of memory", "Cannot allocate memory", "can't allocate memory")
_NOT_A_NUMBER = ("DivergedError", "is not a number", "stopped being a number")
_LOSSES = ("train_loss", "val_loss")
_TAIL_BYTES = 20_000

FailureKind = Literal["error", "configuration", "memory", "nan", "killed", "timeout"]


class TrialFailure(NamedTuple):
    """The reason why a trial has no value."""

    kind: FailureKind
    reason: str


Verdict = Literal["pruned"] | TrialFailure  # why a trial ends without a value


class Report(NamedTuple):
    """The metrics of one validation."""

    validation: int
    metrics: Mapping[str, float]

    def values(self, names: Sequence[str]) -> list[float]:
        """Return metrics by name, NaN for those that are not there."""
        return [self.metrics.get(name, math.nan) for name in names]

    def not_finite(self, names: Sequence[str]) -> str | None:
        """Return the first of these metrics and the losses that is not a finite number."""
        present = [name for name in (*names, *_LOSSES) if name in self.metrics]
        return next((name for name in present if not math.isfinite(self.metrics[name])), None)


@dataclass
class RunningTrial:
    """A trial and its process."""

    trial: Trial
    child: int  # the process, by the fork server's number
    slot: int  # the trial's share of the machine
    folder: Path
    metrics: Sequence[str]  # the names of those to optimise
    limit_s: float | None  # the seconds after which the trial has failed
    begun: float = field(default_factory=time.monotonic)
    beats: int = 0
    stopped_at: float | None = None
    verdict: Verdict | None = None
    _offset: int = field(default=0, init=False)  # in the file of reports
    _reports: list[Report] = field(default_factory=list, init=False)

    def follow(self) -> Verdict | None:
        """Pass new reports to the study; returns why the trial must be ended, None if it must not."""
        new = self._new_reports()
        self._reports += new
        verdicts = [verdict for report in new if (verdict := self._checked(report)) is not None]
        if verdicts:
            # A value that is not a number counts even after a validation that was to be pruned.
            return next((verdict for verdict in verdicts if verdict != "pruned"), "pruned")
        if self.limit_s is not None and time.monotonic() - self.begun > self.limit_s:
            return TrialFailure("timeout", f"not done after {self.limit_s:g} s (optuna.trial_timeout)")
        return None

    def _new_reports(self) -> list[Report]:
        """Read the lines that were added; the last one may still be incomplete."""
        path = self.folder / REPORTS
        if not path.is_file():
            return []
        with path.open("rb") as stream:
            stream.seek(self._offset)
            text = stream.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        return [
            Report(int(line["validation"]), {name: float(value) for name, value in line["figures"].items()})
            for line in lines
        ]

    def _checked(self, report: Report) -> Verdict | None:
        if broken := report.not_finite(self.metrics):
            return TrialFailure("nan", f"{broken} is not a number at validation {report.validation + 1}")
        if len(self.metrics) > 1 or self.metrics[0] not in report.metrics:
            return None
        with warnings.catch_warnings():
            # A trial that is run again repeats its reports.
            warnings.filterwarnings("ignore", message=".*already reported.*")
            self.trial.report(report.metrics[self.metrics[0]], report.validation)
        return "pruned" if self.trial.should_prune() else None

    def outcome(self, status: int, *, minimize: bool) -> list[float] | Verdict:
        """Return the trial's values, or why it has none, after its process has ended."""
        if self.verdict is None:
            found = self.follow()
            # A run that reached its end is complete, even if its last validation was to be pruned.
            self.verdict = found if isinstance(found, TrialFailure) and found.kind == "nan" else None
        if self.verdict is not None:
            return self.verdict
        if status:
            return failure_of(status, _last_message(self.folder / LOG))
        return values_of(self._reports, self.metrics, minimize=minimize)


def failure_of(status: int, message: str) -> TrialFailure:
    """Explain an exit status other than 0 by the last message of the trial's log.

    >>> failure_of(-9, "")
    TrialFailure(kind='killed', reason='killed by SIGKILL, as the system does where memory has run out')
    >>> failure_of(143, "stopped by SIGTERM: step 5 is kept")
    TrialFailure(kind='killed', reason='killed by SIGTERM')
    >>> failure_of(1, "RuntimeError: CUDA out of memory").kind
    'memory'
    """
    number = status - _BY_SIGNAL if status in _STOPPED else -status
    if number > 0:
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        hint = ", as the system does where memory has run out" if name == "SIGKILL" else ""
        return TrialFailure("killed", f"killed by {name}{hint}")
    if any(word in message for word in _MEMORY):
        return TrialFailure("memory", message)
    if any(word in message for word in _NOT_A_NUMBER):
        return TrialFailure("nan", message)
    if status == _WRONG_CONFIGURATION:
        return TrialFailure("configuration", message)
    return TrialFailure("error", message or f"ended with status {status}")


def values_of(
    reports: Sequence[Report], names: Sequence[str], *, minimize: bool
) -> list[float] | TrialFailure:
    """Return a trial's values: the metrics of the validation that was best in the first metric.

    >>> reports = [Report(0, {"val_per": 0.5, "val_loss": 1.0}), Report(1, {"val_per": 0.4, "val_loss": 2.0})]
    >>> values_of(reports, ["val_per", "val_loss"], minimize=True)
    [0.4, 2.0]
    """
    if not reports:
        return TrialFailure(
            "error", "it ended without a validation; check trainer.val_check_interval and max_steps"
        )
    known = reports[-1].metrics
    missing = [name for name in names if name not in known]
    if missing:
        return TrialFailure("configuration", f"it reports no {missing[0]}; it reports {', '.join(known)}")
    # A metric of training may come later than the first validation.
    whole = [report for report in reports if all(name in report.metrics for name in names)]
    best = (min if minimize else max)(whole, key=lambda report: report.values(names)[0])
    return best.values(names)


def _last_message(log_file: Path) -> str:
    """Return the last error of a log, else its last line."""
    if not log_file.is_file():
        return ""
    with log_file.open("rb") as stream:
        stream.seek(max(0, log_file.stat().st_size - _TAIL_BYTES))
        text = stream.read().decode("utf-8", errors="replace").replace("\r", "\n")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or [""])[-1]

"""One trial while its process runs: what it has reported, and how it is to end."""

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from optuna.trial import Trial

from tuning.trials.outcome import Failure, failure_of, values_of
from tuning.trials.trial_files import LOG, REPORTS, Report, ReportFollower, last_words

Verdict = Literal["pruned"] | Failure
GRACE_S = 15.0  # for a trial that was asked to end


class RunningTrial:
    """A trial and its process.

    Args:
        trial: in the study.
        child: the process, as the fork server numbers it.
        slot: which share of the machine it has.
        folder: its folder.
        metrics: what it is judged by.
        limit_s: seconds after which it has failed.
    """

    def __init__(
        self,
        trial: Trial,
        child: int,
        slot: int,
        folder: Path,
        metrics: Sequence[str],
        limit_s: float | None,
    ) -> None:
        self.trial = trial
        self.child = child
        self.slot = slot
        self.folder = folder
        self.begun = time.monotonic()
        self.beats = 0
        self.stopped_at: float | None = None
        self.verdict: Verdict | None = None
        self._metrics = metrics
        self._limit_s = limit_s
        self._follower = ReportFollower(folder / REPORTS)
        self._reports: list[Report] = []

    def follow(self) -> Verdict | None:
        """Pass on all that was reported; says how the trial is to be ended, if it is."""
        new = self._follower.new_reports()
        self._reports += new
        verdicts = [verdict for report in new if (verdict := self._judged(report)) is not None]
        if verdicts:
            # What is no number counts also behind what looked hopeless.
            return next((verdict for verdict in verdicts if verdict != "pruned"), "pruned")
        if self._limit_s is not None and time.monotonic() - self.begun > self._limit_s:
            return Failure("timeout", f"not done after {self._limit_s:g} s (optuna.trial_timeout)")
        return None

    def _judged(self, report: Report) -> Verdict | None:
        if broken := report.not_finite(self._metrics):
            return Failure("nan", f"{broken} is not a number at validation {report.validation + 1}")
        return "pruned" if self._is_hopeless(report) else None

    def _is_hopeless(self, report: Report) -> bool:
        if len(self._metrics) > 1 or self._metrics[0] not in report.figures:
            return False
        with warnings.catch_warnings():
            # A trial that is run again reports the same again.
            warnings.filterwarnings("ignore", message=".*already reported.*")
            self.trial.report(report.figures[self._metrics[0]], report.validation)
        return self.trial.should_prune()

    def outcome(self, status: int, *, minimize: bool) -> list[float] | Verdict:
        """What it came to, now that its process has ended."""
        if self.verdict is None:
            found = self.follow()
            # One that came to its end is complete, however it looked at its last validation.
            self.verdict = found if isinstance(found, Failure) and found.kind == "nan" else None
        if self.verdict is not None:
            return self.verdict
        if status:
            return failure_of(status, last_words(self.folder / LOG))
        return values_of(self._reports, self._metrics, minimize=minimize)

"""A checkpoint, read once and checked once; the newest one of a run is what ``ckpt_path: last`` means."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

from experiment.errors import ConfigError
from experiment.layout import (
    CHECKPOINT_PATTERN,
    CHECKPOINTS,
    LAST_CHECKPOINT_FILE,
    MEAN_CHECKPOINT_FILE,
)
from models.weights import CheckpointError, check_content, read_checkpoint, read_unverified

log = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """A checkpoint file and its content."""

    path: Path
    content: dict[str, Any]

    @classmethod
    def intact(cls, path: Path) -> "Checkpoint":
        """Read a file; refuse one that is damaged."""
        try:
            return cls(path, read_checkpoint(path))
        except CheckpointError as error:
            raise ConfigError(str(error)) from error

    @property
    def trained_steps(self) -> int:
        """The optimizer's steps before the checkpoint was written."""
        return int(self.content.get("global_step", 0))


def newest_loadable(runs: list[Path], *, resumes: bool) -> Checkpoint | None:
    """Return the newest intact checkpoint of the newest run that has any; None where no run has one.

    ``runs`` begins with the oldest. A run that ``resumes`` needs the optimizer's state, too. The log names
    what is passed over. Where all of a run's checkpoints are broken, older runs are not tried.
    """
    for run in reversed(runs):
        found = sorted((run / CHECKPOINTS).glob(CHECKPOINT_PATTERN))
        files = [path for path in found if path.name != MEAN_CHECKPOINT_FILE]
        if files:
            return _newest_of(run, files, resumes=resumes)
        log.warning("ckpt_path: passed over %s: it holds no checkpoint", run)
    return None


def _newest_of(run: Path, files: list[Path], *, resumes: bool) -> Checkpoint:
    faults: list[str] = []
    candidates = [found for path in files if (found := _candidate(path, faults, resumes=resumes))]
    for candidate in sorted(candidates, key=_age, reverse=True):
        try:
            check_content(*candidate)
        except CheckpointError as error:
            faults.append(str(error))
            continue
        for fault in faults:
            log.warning("passed over: %s", fault)
        if faults:
            log.warning("ckpt_path: last is %s, after %d steps", candidate.path, candidate.trained_steps)
        return candidate
    raise ConfigError(
        f"ckpt_path: none of the checkpoints in {run / CHECKPOINTS} can be resumed from: {'; '.join(faults)}"
    )


def _candidate(path: Path, faults: list[str], *, resumes: bool) -> Checkpoint | None:
    """Read a checkpoint; None and one more fault where it is not usable."""
    try:
        checkpoint = Checkpoint(path, read_unverified(path))
    except CheckpointError as error:
        faults.append(str(error))
        return None
    if resumes and "optimizer_states" not in checkpoint.content:
        faults.append(f"ckpt_path: {path} holds weights alone")
        return None
    return checkpoint


def _age(checkpoint: Checkpoint) -> tuple[int, int, bool, Path]:
    """Order checkpoints by steps, then by time; of two that were written at once the last one is newer."""
    path = checkpoint.path
    return checkpoint.trained_steps, path.stat().st_mtime_ns, path.name == LAST_CHECKPOINT_FILE, path

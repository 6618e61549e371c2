"""The newest checkpoint of a run that loads: what ``ckpt_path: last`` means."""

import logging
from pathlib import Path
from typing import NamedTuple

from experiment.errors import ConfigError
from experiment.folder import CHECKPOINTS
from models.weights import CheckpointError, check_content, read_checkpoint

log = logging.getLogger(__name__)

LAST = "last.ckpt"


class _Candidate(NamedTuple):
    trained_steps: int
    written_ns: int
    is_last: bool  # of two that were written at once
    path: Path


def newest_loadable(runs: list[Path], *, resumes: bool) -> Path | None:
    """The checkpoint to go on from, of the newest run that has any; None where none has.

    What is passed over is said. Where all of a run's are broken, nothing older is taken in silence.

    Args:
        runs: folders of runs, oldest first.
        resumes: whether weights alone do not suffice.
    """
    for run in reversed(runs):
        files = sorted((run / CHECKPOINTS).glob("*.ckpt"))
        if files:
            return _newest_of(run, files, resumes=resumes)
        log.warning("ckpt_path: passed over %s: it holds no checkpoint", run)
    return None


def _newest_of(run: Path, files: list[Path], *, resumes: bool) -> Path:
    faults: list[str] = []
    candidates = [found for path in files if (found := _candidate(path, faults, resumes=resumes))]
    for candidate in sorted(candidates, reverse=True):
        try:
            check_content(candidate.path)
        except CheckpointError as error:
            faults.append(str(error))
            continue
        for fault in faults:
            log.warning("passed over: %s", fault)
        if faults:
            log.warning("ckpt_path: last is %s, after %d steps", candidate.path, candidate.trained_steps)
        return candidate.path
    raise ConfigError(
        f"ckpt_path: none of the checkpoints in {run / CHECKPOINTS} can be gone on from: {'; '.join(faults)}"
    )


def _candidate(path: Path, faults: list[str], *, resumes: bool) -> _Candidate | None:
    """A checkpoint with its age, or None and a fault more."""
    try:
        stored = read_checkpoint(path)
    except CheckpointError as error:
        faults.append(str(error))
        return None
    if resumes and "optimizer_states" not in stored:
        faults.append(f"ckpt_path: {path} holds weights alone")
        return None
    return _Candidate(int(stored.get("global_step", 0)), path.stat().st_mtime_ns, path.name == LAST, path)

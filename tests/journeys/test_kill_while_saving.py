"""A process that is killed while it writes a checkpoint; there is always one that loads."""

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch

from callbacks.checkpoint_io import DurableCheckpointIO, remove_unfinished
from experiment.checkpoint import newest_loadable

FORK = multiprocessing.get_context("fork")
KILLS = 20
NUM_WEIGHTS = 4_000_000  # 16 MB: writing takes a while


@pytest.fixture
def other_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let temporary files lie where a rename into the run's folder is none."""
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    monkeypatch.setenv("TMPDIR", str(other))


def _save_for_ever(path: Path, first_step: int) -> None:
    torch.set_num_threads(1)
    step = first_step
    while True:
        step += 1
        weights = torch.from_numpy(np.full(NUM_WEIGHTS, step, dtype=np.float32))
        DurableCheckpointIO().save_checkpoint(
            {"state_dict": {"weights": weights}, "optimizer_states": [], "global_step": step}, path
        )


def _kill_while_it_writes(process: BaseProcess, folder: Path, share: float) -> None:
    """Kill when about this share of a file is written; not before a first one is whole."""
    wanted = share * 4 * NUM_WEIGHTS
    while True:
        for unfinished in folder.glob(".*.tmp"):
            try:
                written = unfinished.stat().st_size
            except FileNotFoundError:
                continue
            if written >= wanted and (folder / "last.ckpt").exists():
                os.kill(process.pid, signal.SIGKILL)
                process.join()
                return
        time.sleep(0.0002)


def test_after_twenty_kills_there_is_always_a_checkpoint_that_loads(
    tmp_path: Path, other_file_system: None
) -> None:
    folder = tmp_path / "run" / "checkpoints"
    draw, step, cut_off = random.Random(0), 0, 0
    for _ in range(KILLS):
        process = FORK.Process(target=_save_for_ever, args=(folder / "last.ckpt", step))
        process.start()
        _kill_while_it_writes(process, folder, draw.random())
        found = newest_loadable([tmp_path / "run"], resumes=True)
        stored = torch.load(found.path, weights_only=True)
        assert stored["global_step"] >= max(step, 1)
        step = stored["global_step"]
        assert torch.all(stored["state_dict"]["weights"] == step)
        cut_off += len(remove_unfinished(folder))
        assert [path.name for path in folder.iterdir()] == ["last.ckpt"]
    assert cut_off > KILLS // 2  # the others had been renamed just before
    assert not list(Path("/dev/shm").glob("*last.ckpt*"))


def test_what_another_process_is_writing_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(torch, "save", lambda *_: seen.extend(remove_unfinished(tmp_path)))
    DurableCheckpointIO().save_checkpoint({}, tmp_path / "a.ckpt")
    assert seen == []
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]

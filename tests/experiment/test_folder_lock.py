"""Two processes do not train in one folder; a killed one leaves it free."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from experiment.errors import ConfigError
from experiment.folder import lock_folder

FORK = multiprocessing.get_context("fork")


def _train_with_a_worker(folder: Path, began: object) -> None:
    lock_folder(folder)
    if os.fork() == 0:  # outlives the process that it works for
        time.sleep(3)
        os._exit(0)
    began.set()
    time.sleep(60)


def test_a_folder_is_kept_until_its_process_ends(tmp_path: Path) -> None:
    began = FORK.Event()
    other = FORK.Process(target=_train_with_a_worker, args=(tmp_path, began))
    other.start()
    assert began.wait(30)
    with pytest.raises(ConfigError, match="another process trains in"):
        lock_folder(tmp_path)
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    lock_folder(tmp_path)
    lock_folder(tmp_path)  # once more by this process, as in a notebook

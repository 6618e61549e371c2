"""Decisions that processes share, for each kind of launcher."""

import multiprocessing
import os
import subprocess
import sys

import pytest
from jsonargparse import Namespace
from lightning.pytorch.strategies import StrategyRegistry

from experiment import ranks
from experiment.errors import ConfigError
from experiment.ranks import agree, launch_of, take_world
from tests.journeys.forked_runs import free_port, ranks_of

FORK = multiprocessing.get_context("fork")


def slurm_ranks(size, port):
    """The environments of tasks as srun would start them on one machine."""
    shared = {
        "SLURM_JOB_ID": "71234",
        "SLURM_JOB_NAME": "train",
        "SLURM_NTASKS": str(size),
        "SLURM_NTASKS_PER_NODE": str(size),
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return [shared | {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)} for rank in range(size)]


def by_hand(size, port):
    """The environments of machines that a user has started one by one."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [shared | {"NODE_RANK": str(rank)} for rank in range(size)]


def _answer(environment, decision, answers, all_answered):
    os.environ.update(environment)
    ranks._store.cache_clear()
    try:
        answers.put(agree("folder", decision))
    except (ConfigError, OSError) as error:
        answers.put(error)
    all_answered.wait(30)  # as a run continues after it


def answers_of(environments, decision):
    """The answer that each process gets."""
    answers, all_answered = FORK.SimpleQueue(), FORK.Event()
    processes = [
        FORK.Process(target=_answer, args=(environment, decision, answers, all_answered))
        for environment in environments
    ]
    for process in reversed(processes):  # the first one comes last
        process.start()
    received = [answers.get() for _ in processes]
    all_answered.set()
    for process in processes:
        process.join(30)
    return received


@pytest.mark.parametrize("environments", [ranks_of, slurm_ranks, by_hand])
def test_processes_of_one_launcher_share_the_decision_of_the_first(environments):
    received = answers_of(environments(3, free_port()), lambda: f"decided by {os.getpid()}")
    assert len(set(received)) == 1
    assert received[0].startswith("decided by")


def test_where_the_first_fails_the_others_do_not_wait():
    def fail():
        raise OSError("the disk is full")

    received = answers_of(ranks_of(2, free_port()), fail)
    assert sorted(type(error).__name__ for error in received) == ["ConfigError", "OSError"]


def test_a_single_process_decides_alone(monkeypatch):
    assert agree("of one", lambda: "mine") == "mine"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert agree("of one", lambda: "another") == "mine"  # like a process that Lightning has started


def test_an_interactive_shell_of_slurm_is_no_launch():
    assert launch_of({"SLURM_NTASKS": "2", "SLURM_JOB_NAME": "interactive"}) is None


@pytest.fixture
def two_machines(monkeypatch):
    for key, value in ranks_of(4, 29500)[3].items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")


def test_devices_and_machines_that_are_left_open_follow_the_launcher(two_machines):
    trainer = Namespace(devices="auto", num_nodes=1)
    take_world(trainer)
    assert (trainer.devices, trainer.num_nodes) == (2, 2)


def test_devices_that_contradict_the_launcher_are_refused(two_machines):
    with pytest.raises(ConfigError, match="trainer.devices must be 2, as torchrun has started it, got 3"):
        take_world(Namespace(devices=3, num_nodes=2))


def test_strategies_chosen_by_name_wait_for_minutes():
    ranks.shorten_timeouts()
    assert StrategyRegistry.get("ddp")._timeout == ranks.STEP_TIMEOUT
    assert StrategyRegistry.get("ddp_find_unused_parameters_true")._timeout == ranks.STEP_TIMEOUT


def test_a_process_ends_whose_first_one_ended_while_it_was_starting():
    ended = subprocess.Popen(["true"])
    ended.wait()
    own = {"LOCAL_RANK": "1", "PHONEME_RUN_FOLDER": "x", "PHONEME_RUN_PROCESS": str(ended.pid)}
    code = "from experiment.ranks import die_with_the_first; die_with_the_first(); print('goes on')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")

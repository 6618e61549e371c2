"""Decisions that all processes of a run share, although each of them parses the command line.

The first process decides. Those that Lightning starts on the same machine find it in their environment;
those that torchrun, SLURM or a user has started read the store at the address that training uses anyway.
"""

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from jsonargparse import Namespace

from experiment.errors import ConfigError

if TYPE_CHECKING:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

FOLDER = "FOLDER"
SEED = "SEED"
_VARIABLE = "PHONEME_RUN_"
_PROCESS = f"{_VARIABLE}PROCESS"  # the number of the first one
_PATIENCE = timedelta(minutes=10)  # how long the first process may take to read the configuration
# How long processes wait for each other in a step before they take one for lost; Lightning: 30 minutes.
# The barrier of data preparation has no limit.
STEP_TIMEOUT = timedelta(minutes=5)
# The variables by which Lightning and this module recognise one of several processes.
_LAUNCHERS = (
    *("TORCHELASTIC_RUN_ID", "TORCHELASTIC_USE_AGENT_STORE"),
    *("SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID"),
    *("MASTER_ADDR", "MASTER_PORT"),
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "LOCAL_WORLD_SIZE", "WORLD_SIZE"),
)
_SETTLED, _FAILED = "=", "!"
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class Launch(NamedTuple):
    """How a launcher other than Lightning has started this process."""

    launcher: str
    rank: int
    local_processes: int | None  # on one machine; None where the launcher does not pass it on
    machines: int | None  # None where the launcher does not pass it on
    hosts_store: bool  # whether the first process must open the store itself

    @property
    def is_alone(self) -> bool:
        """Whether there is no other process to agree with."""
        return (self.local_processes, self.machines) == (1, 1)


def launch_of(environment: Mapping[str, str]) -> Launch | None:
    """Read the launcher's variables; None where there was none.

    >>> launch_of({"SLURM_NTASKS": "4", "SLURM_NNODES": "2", "SLURM_PROCID": "3", "SLURM_JOB_NAME": "train"})
    Launch(launcher='SLURM', rank=3, local_processes=2, machines=2, hosts_store=True)
    >>> launch_of({}) is None
    True
    """
    if "TORCHELASTIC_RUN_ID" in environment:
        local, world = int(environment["LOCAL_WORLD_SIZE"]), int(environment["WORLD_SIZE"])
        hosts = environment.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
        return Launch("torchrun", int(environment["RANK"]), local, world // local, hosts)
    if "SLURM_NTASKS" in environment and environment.get("SLURM_JOB_NAME") not in ("bash", "interactive"):
        machines = int(environment.get("SLURM_NNODES", "1"))
        local = int(environment["SLURM_NTASKS"]) // machines
        return Launch("SLURM", int(environment.get("SLURM_PROCID", "0")), local, machines, True)
    if {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"} <= environment.keys():
        first = environment["NODE_RANK"] == "0" and environment.get("LOCAL_RANK", "0") == "0"
        return Launch("NODE_RANK", 0 if first else 1, None, None, True)
    return None


def leave_launch() -> None:
    """Make this process a separate run, although it was forked from one that may be one of several."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    for name in [name for name in os.environ if name in _LAUNCHERS or name.startswith(_VARIABLE)]:
        del os.environ[name]
    rank_zero_only.rank = 0  # type: ignore[attr-defined]  # was read when Lightning was imported


def agree(name: str, decide: Callable[[], str]) -> str:
    """Return what the first process of the run decides; the others do not call ``decide``."""
    variable = f"{_VARIABLE}{name}"
    if _was_started_by_first() and variable in os.environ:
        return os.environ[variable]
    launch = launch_of(os.environ)
    value = decide() if launch is None or launch.is_alone else _agreed(launch, name, decide)
    os.environ |= {variable: value, _PROCESS: str(os.getpid())}  # for the processes that this one will start
    return value


def is_first() -> bool:
    """Return whether this is the first process of the run, which logs for all."""
    launch = launch_of(os.environ)
    return not _was_started_by_first() and (launch is None or launch.rank == 0)


def stops_with_the_first() -> bool:
    """Return whether Lightning has started this process from the first one, which awaits its status."""
    return _was_started_by_first() and f"{_VARIABLE}{FOLDER}" in os.environ


def _was_started_by_first() -> bool:
    """Return whether Lightning has started this process from another one on this machine."""
    launch = launch_of(os.environ)
    by_lightning = launch is None or launch.launcher == "NODE_RANK"
    return by_lightning and int(os.environ.get("LOCAL_RANK", "0")) > 0


def _agreed(launch: Launch, name: str, decide: Callable[[], str]) -> str:
    store, key = _store(launch), f"phoneme_recognition/{name}"
    if launch.rank:
        answer = store.get(key).decode()
        if answer.startswith(_FAILED):
            raise ConfigError("the first process of the run has stopped; its message gives the reason")
        return answer.removeprefix(_SETTLED)
    try:
        value = decide()
    except BaseException:
        store.set(key, _FAILED)
        raise
    store.set(key, f"{_SETTLED}{value}")
    return value


@cache
def _store(launch: Launch) -> "TCPStore":
    """Return the store that the process group of the training will use, too."""
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    hosts = launch.hosts_store and launch.rank == 0
    cluster = SLURMEnvironment() if launch.launcher == "SLURM" else LightningEnvironment()
    address, port = cluster.main_address, cluster.main_port
    return TCPStore(
        address, port, is_master=hosts, timeout=_PATIENCE, wait_for_workers=False, multi_tenant=True
    )


def take_world(trainer: Namespace) -> None:
    """Set ``devices`` and ``num_nodes`` of the section to what the launcher has started, if left open."""
    launch = launch_of(os.environ)
    if launch is None or launch.local_processes is None or launch.machines is None or launch.is_alone:
        return
    for key, started, left_open in (
        ("devices", launch.local_processes, ("auto", "-1", -1)),
        ("num_nodes", launch.machines, (1,)),
    ):
        if trainer[key] in left_open:
            trainer[key] = started
        elif str(trainer[key]) != str(started) and not isinstance(trainer[key], list):
            raise ConfigError(
                f"trainer.{key} must be {started}, as {launch.launcher} has started it, got {trainer[key]}; "
                f"or leave it out"
            )


def shorten_timeouts() -> None:
    """Make strategies that are chosen by name wait for a lost process for minutes, not for half an hour."""
    from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy, StrategyRegistry

    for entry in StrategyRegistry.values():
        strategy = entry["strategy"]
        if isinstance(strategy, type) and issubclass(strategy, DDPStrategy | FSDPStrategy):
            entry["init_params"].setdefault("timeout", STEP_TIMEOUT)


def die_with_the_first() -> None:
    """Let a process that Lightning has started end when the one that started it is killed."""
    if stops_with_the_first():
        die_with_parent(int(os.environ[_PROCESS]))  # it may have ended while this one was importing


def die_with_parent(parent: int) -> None:
    """Have Linux kill this process when its parent ends, however the parent ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # the parent has ended before the call
        os._exit(1)

"""A process that has imported everything and forks one child per trial, so that imports are paid for once.

It is forked while its parent has no thread besides the one that receives signals, and has not used an
accelerator; trials use one themselves.
Parent and server exchange messages over a pipe. A process that dies takes down all that it started.
"""

import contextlib
import importlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from experiment.ranks import die_with_parent
from stop_signals import stop_if_requested

log = logging.getLogger(__name__)

Task = Callable[[Sequence[str]], int]  # arguments → exit status

_CHUNK = 65536
_LOOK_EVERY_S = 0.2  # for signals
_OOM_SCORE = "500"  # of 1000
_DEAD = "the process that starts the trials has died"


class ForkServerError(RuntimeError):
    """The server has died; no further trial can be started."""


class Job(NamedTuple):
    """The work of a child."""

    task: str  # the name of one of the server's tasks
    arguments: Sequence[str]
    log_file: Path | None = None  # for all output; None leaves it on the console
    environment: Mapping[str, str] = {}  # besides the inherited variables


class ForkServer:
    """The parent's side: starts children, stops them, and receives their exit statuses."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._connection, theirs = Pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            self._connection.close()
            _serve(theirs, tasks, parent)
        theirs.close()
        self._last_child = 0

    def start(self, job: Job) -> int:
        """Start a child; returns its number."""
        self._last_child += 1
        self._send("start", self._last_child, job)
        return self._last_child

    def stop(self, child: int, signal_number: int = signal.SIGTERM) -> None:
        """Send a signal to a child, if it has not ended; SIGKILL also to its descendants.

        Other signals spare them: a loader's worker that ends before its trial would be an error in the trial.
        """
        self._send("signal", child, int(signal_number))

    def preload(self, modules: Sequence[str]) -> None:
        """Import modules in the server for all later children, except those that cannot be imported."""
        self._send("preload", list(modules))

    def ended(self, timeout_s: float) -> dict[int, int]:
        """Return the exit statuses of ended children; a negative one is the signal that killed it."""
        statuses: dict[int, int] = {}
        try:
            while self._connection.poll(0.0 if statuses else timeout_s):
                child, status = self._connection.recv()
                statuses[child] = status
        except (EOFError, OSError) as error:
            if not statuses:
                raise ForkServerError(_DEAD) from error
        return statuses

    def run(self, job: Job) -> int:
        """Run a child to its end; only while no other runs."""
        child = self.start(job)
        while (status := self.ended(_LOOK_EVERY_S).get(child)) is None:
            stop_if_requested()
        return status

    def close(self) -> None:
        """End the server and all that it has started."""
        self._connection.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _send(self, *message: object) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise ForkServerError(_DEAD) from error


def _serve(connection: "Connection[Any, Any]", tasks: Mapping[str, Task], parent: int) -> NoReturn:
    """Run the server's process, which never returns to the parent's code."""
    status = 1
    try:
        os.setsid()  # Ctrl-C at the terminal is for the parent, which then ends its trials
        die_with_parent(parent)
        _Server(connection, tasks).loop()
        status = 0
    except BaseException:  # noqa: BLE001 - the frames below belong to another process
        traceback.print_exc()
    finally:
        os._exit(status)


class _Server:
    """Waits for messages and for the ends of children."""

    def __init__(self, connection: "Connection[Any, Any]", tasks: Mapping[str, Task]) -> None:
        self._connection = connection
        self._tasks = tasks
        self._children: dict[int, int] = {}  # process → number
        self._wake, self._woken = os.pipe()
        for end in (self._wake, self._woken):
            os.set_blocking(end, False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)

    def loop(self) -> None:
        """Serve until the parent closes the connection; then kill all that was started."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                wait([self._connection, self._wake])
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, _CHUNK)
                self._reap()
                while self._connection.poll():
                    self._obey(*self._connection.recv())
        for process in self._children:
            _signal_group(process, signal.SIGKILL)

    def _obey(self, command: str, *arguments: Any) -> None:  # noqa: ANN401 - by command
        if command == "preload":
            for name in arguments[0]:
                with contextlib.suppress(Exception):  # a child that imports it meets the error itself
                    importlib.import_module(name)
        elif command == "start":
            self._start(*arguments)
        else:
            child, number = arguments
            for process in [process for process, one in self._children.items() if one == child]:
                (_signal_group if number == signal.SIGKILL else os.kill)(process, number)

    def _start(self, child: int, job: Job) -> None:
        server = os.getpid()
        process = os.fork()
        if process == 0:
            signal.set_wakeup_fd(-1)
            self._connection.close()
            _be_child(self._tasks[job.task], job, server)
        self._children[process] = child

    def _reap(self) -> None:
        while self._children:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            _signal_group(process, signal.SIGKILL)  # its remains: loaders' workers, ranks
            self._connection.send((self._children.pop(process), os.waitstatus_to_exitcode(status)))


def _signal_group(process: int, signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal_number)


def _be_child(task: Task, job: Job, server: int) -> NoReturn:
    """Run a task in its process."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        die_with_parent(server)
        with contextlib.suppress(OSError):  # the kernel ends this process before its parent without memory
            Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
        _redirect(job.log_file)
        os.environ.update(job.environment)
        status = task(job.arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the frames below belong to another process
        traceback.print_exc()
    finally:
        _leave(status)


def _redirect(log_file: Path | None) -> None:
    """Send output to a file, and close the input: a trial must not read what is typed for its parent."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if log_file is None:
        return
    target = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.close(target)
    # The parent's streams may be anything, such as a test's capture.
    sys.stdout = open(1, "w", buffering=1, closefd=False, encoding="utf-8")  # noqa: SIM115 - for the process' life
    sys.stderr = open(2, "w", buffering=1, closefd=False, encoding="utf-8")  # noqa: SIM115


def _leave(status: int) -> NoReturn:
    """End without the parent's clean-up, but clean up the processes that this one has started."""
    from multiprocessing import util

    with contextlib.suppress(BaseException):
        util._exit_function()  # type: ignore[attr-defined]  # what multiprocessing itself calls
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status & 0xFF)

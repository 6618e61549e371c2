"""A process that has imported everything and forks one child per trial, so that imports are paid for once.

It is forked while its parent has a single thread of its own and has touched no accelerator; trials do so for
themselves. It talks in JSON lines over a socket. Whoever dies takes down what it started.
"""

import contextlib
import importlib
import json
import logging
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from experiment.ranks import die_with_parent

log = logging.getLogger(__name__)

_OOM_SCORE = "500"  # of 1000

Task = Callable[[Sequence[str]], int]  # arguments → exit status
_CHUNK = 65536


class ForkServerError(RuntimeError):
    """The server has gone; no further trial can be started."""


class Job(NamedTuple):
    """What a child is to do.

    Args:
        task: name of one of the server's tasks.
        arguments: what the task gets.
        log_file: takes all output; None leaves it on the console.
        environment: variables besides the inherited ones.
    """

    task: str
    arguments: Sequence[str]
    log_file: Path | None = None
    environment: Mapping[str, str] = {}


class ForkServer:
    """The parent's side: start children, stop them, learn how they ended."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _serve(theirs, tasks, parent)
        theirs.close()
        self._socket = ours
        self._lines = _Lines()
        self._next_id = 0

    def start(self, job: Job) -> int:
        """Start a child; returns the number it goes by here."""
        self._next_id += 1
        self._send(
            {
                "start": self._next_id,
                "task": job.task,
                "arguments": list(job.arguments),
                "log_file": str(job.log_file) if job.log_file else None,
                "environment": dict(job.environment),
            }
        )
        return self._next_id

    def stop(self, child: int, signal_number: int = signal.SIGTERM) -> None:
        """Send a signal to a child; nothing where it has ended. SIGKILL is for what it has started, too.

        What a trial has started ends with it: a loader's worker that ends before is an error of its own.
        """
        self._send({"signal": int(signal_number), "child": child})

    def preload(self, modules: Sequence[str]) -> None:
        """Import these in the server, for all children to come; what cannot be imported is left to them."""
        self._send({"preload": list(modules)})

    def ended(self, timeout_s: float) -> dict[int, int]:
        """Children that have ended, with their status: a negative one is the signal that killed it."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                return {}
        data = b""
        with contextlib.suppress(ConnectionError):
            data = self._socket.recv(_CHUNK)
        if not data:
            raise ForkServerError(
                "the process that starts the trials has died; start the search again to go on"
            )
        return {message["child"]: message["status"] for message in self._lines.of(data)}

    def run(self, job: Job) -> int:
        """Run a child to its end; only while no other runs."""
        child = self.start(job)
        while True:
            if (status := self.ended(1.0).get(child)) is not None:
                return status

    def close(self) -> None:
        """End the server and all that it has started."""
        self._socket.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise ForkServerError(f"the process that starts the trials has died ({error})") from error


class _Lines:
    """Whole messages out of a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def of(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that these bytes complete."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in whole]


def _serve(connection: socket.socket, tasks: Mapping[str, Task], parent: int) -> NoReturn:
    """The server's own process; it never returns to what the parent was doing."""
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

    def __init__(self, connection: socket.socket, tasks: Mapping[str, Task]) -> None:
        self._connection = connection
        self._tasks = tasks
        self._children: dict[int, int] = {}  # process → number
        self._lines = _Lines()
        self._wake, self._woken = os.pipe()
        for end in (self._wake, self._woken):
            os.set_blocking(end, False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)

    def loop(self) -> None:
        """Until the parent closes the connection; then nothing that was started stays."""
        selector = selectors.DefaultSelector()
        selector.register(self._connection, selectors.EVENT_READ)
        selector.register(self._wake, selectors.EVENT_READ)
        while True:
            selector.select()
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, _CHUNK)
            self._reap()
            with contextlib.suppress(BlockingIOError):
                data = self._connection.recv(_CHUNK, socket.MSG_DONTWAIT)
                if not data:
                    break
                for message in self._lines.of(data):
                    self._obey(message)
        for process in self._children:
            _signal_group(process, signal.SIGKILL)

    def _obey(self, message: dict[str, Any]) -> None:
        if "preload" in message:
            preload(message["preload"])
        elif "start" in message:
            self._start(message)
        else:
            for process in (
                process for process, child in self._children.items() if child == message["child"]
            ):
                if message["signal"] == signal.SIGKILL:
                    _signal_group(process, signal.SIGKILL)
                else:
                    os.kill(process, message["signal"])

    def _start(self, message: dict[str, Any]) -> None:
        server = os.getpid()
        process = os.fork()
        if process == 0:
            signal.set_wakeup_fd(-1)
            self._connection.close()
            _be_child(self._tasks[message["task"]], message, server)
        self._children[process] = message["start"]

    def _reap(self) -> None:
        while self._children:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            _signal_group(process, signal.SIGKILL)  # what it left behind: loaders' workers, ranks
            report = {
                "child": self._children.pop(process),
                "status": os.waitstatus_to_exitcode(status),
            }
            self._connection.sendall(json.dumps(report).encode() + b"\n")


def preload(modules: Sequence[str]) -> None:
    """Import modules that something else has been seen to need."""
    for name in modules:
        with contextlib.suppress(Exception):  # whoever needs it meets the error itself
            importlib.import_module(name)


def _signal_group(process: int, signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal_number)


def _be_child(task: Task, message: Mapping[str, Any], server: int) -> NoReturn:
    """One trial's own process."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        die_with_parent(server)
        _become_first_victim()
        _redirect(message["log_file"])
        os.environ.update(message["environment"])
        status = task(message["arguments"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the frames below belong to another process
        traceback.print_exc()
    finally:
        _leave(status)


def _become_first_victim() -> None:
    """Let the kernel end this process before its parent when memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


def _redirect(log_file: str | None) -> None:
    """Output to a file, no input: a trial must not read what is typed for its parent."""
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
    """End without the parent's clean-up, but with that of the processes that this one has started."""
    from multiprocessing import util

    with contextlib.suppress(BaseException):
        util._exit_function()  # type: ignore[attr-defined]  # what multiprocessing itself calls
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status & 0xFF)

"""Signals that ask this process to stop: Ctrl-C, SIGTERM, a closed terminal, the end of a SLURM job's time.

Handlers only record the signal: an exception that a handler raises is lost where Python happens to run a
destructor. Every phase looks at the record, by ``stop_if_requested`` or because it imports a module, and
raises ``Stopped`` itself. A thread also receives the signals. It ends the process at a second signal, and
where no phase has looked for a few seconds, such as in a long computation of a library.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from types import FrameType, ModuleType
from typing import Any, NoReturn

GRACE_S = 3.0  # for a phase to look at the record, and for what it then cleans up
_TWICE_S = 0.5  # what comes again sooner is the same signal: `timeout` sends it to a process and its group
_LOOK_EVERY_S = 0.1
_STATUS_OF_SIGNALS = 128
_END_OF_WATCH = b"\0"


class Stopped(SystemExit):  # noqa: N818 - it is no error
    """A signal has stopped the command; the message describes what was saved, and how to resume."""

    def __init__(self, number: int, message: str = "", *, status: int | None = None) -> None:
        self.number = number
        self.message = f"stopped by {signal.Signals(number).name}"
        self.add(message)
        _record.stop = self
        super().__init__(_STATUS_OF_SIGNALS + number if status is None else status)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as it is built, because a worker of a pool hands it to its parent."""
        return _rebuilt, (self.number, self.message, self.code)

    def add(self, message: str) -> None:
        """Describe what was saved, where it is not described yet."""
        if message and ":" not in self.message:
            self.message += f": {message}"


def _rebuilt(number: int, message: str, status: int) -> Stopped:
    stop = Stopped(number, status=status)
    stop.message = message
    return stop


class _Record:
    """What has been received, and who is to be asked before the process ends."""

    def __init__(self) -> None:
        self.received: int | None = None
        self.received_at = 0.0  # monotonic seconds, as all times here
        self.counted_at: float | None = None  # when the thread received the first one
        self.again = False
        self.is_training = False
        self.trained_until = 0.0
        self.is_first = True  # whether this process writes messages, for all processes of a run
        self.was_raised = False
        self.stop: Stopped | None = None  # the newest; a long clean-up may be cut before it is reported
        self.is_reported = False
        self.was_stopped = False
        self.handlers: dict[int, Any] = {}  # those before; not empty while signals are handled
        self.pipe: tuple[int, int] | None = None

    def note(self, number: int) -> None:
        """Record a signal; the handler and the thread both see it, one of them perhaps seconds later."""
        if self.received is None:
            self.received_at, self.received = time.monotonic(), number

    def count(self, number: int) -> None:
        """Record a signal in the thread alone, which receives each one: is it a second one?"""
        self.note(number)
        now = time.monotonic()
        if self.counted_at is None:
            self.counted_at = now
        self.again |= now - self.counted_at > _TWICE_S

    @property
    def is_overdue(self) -> bool:
        """Whether no phase has ended the process in time; a training step may take as long as it needs."""
        waited = time.monotonic() - max(self.received_at, self.trained_until)
        return self.received is not None and not self.is_training and waited > GRACE_S


_record = _Record()


def requested() -> int | None:
    """Return the signal that asks this process to stop; None where there was none."""
    return _record.received


def stop_if_requested() -> None:
    """Raise ``Stopped`` if a signal asks for it; every loop that lasts calls this."""
    if _record.received is not None:
        _record.was_raised = True
        raise Stopped(_record.received)


def set_training(is_training: bool) -> None:
    """Let training look at the record between its steps, however long a step takes."""
    if _record.is_training and not is_training:
        _record.trained_until = time.monotonic()
    _record.is_training = is_training


def leave_messages_to_first() -> None:
    """Write no messages: this process is not the first one of its run."""
    _record.is_first = False


def report(stop: Stopped) -> int:
    """Write why the command has ended; return its exit status."""
    if _record.is_first and not _record.is_reported:
        sys.stderr.write(f"{stop.message}\n")
    _record.is_reported = True
    return int(stop.code or 0)


def leave(status: int) -> NoReturn:
    """End this program; after a signal also where its libraries do not come to their end.

    They may take a while: a signal that comes now ends the program at once, and without a traceback.
    """
    for number in _numbers():
        signal.signal(number, lambda late, _: os._exit(status or _STATUS_OF_SIGNALS + late))
    if _record.was_stopped:
        timer = threading.Timer(GRACE_S, os._exit, [status])
        timer.daemon = True
        timer.start()
    sys.exit(status)


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Record signals while a command runs, and raise ``Stopped`` at its end if one was overlooked."""
    if _record.handlers or threading.current_thread() is not threading.main_thread():
        yield
        return
    _begin()
    try:
        yield
        if not _record.is_reported:
            stop_if_requested()
    finally:
        _end()


def _begin() -> None:
    _record.__init__()  # type: ignore[misc]  # signals of an earlier command do not count
    reading_end, writing_end = _record.pipe = os.pipe()
    os.set_blocking(writing_end, False)
    signal.set_wakeup_fd(writing_end, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading_end,), name="stop signals", daemon=True).start()
    _record.handlers = {number: signal.signal(number, _handle) for number in _numbers()}
    sys.meta_path.insert(0, _FINDER)


def _end() -> None:
    with contextlib.suppress(ValueError):
        sys.meta_path.remove(_FINDER)
    for number, handler in _record.handlers.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(-1)
    _record.handlers = {}
    _record.was_stopped, _record.received = _record.received is not None, None
    if _record.pipe is not None:
        os.write(_record.pipe[1], _END_OF_WATCH)
        os.close(_record.pipe[1])


def _numbers() -> list[signal.Signals]:
    """List the signals; SLURM announces the end of a job's time by SIGUSR1, where it is asked to."""
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup lets a command outlive its terminal
        numbers.append(signal.SIGHUP)
    return [*numbers, signal.SIGUSR1] if "SLURM_JOB_ID" in os.environ else numbers


def _handle(number: int, frame: FrameType | None) -> None:
    """Record a signal; announce that a training step ends first."""
    is_new = _record.received is None
    _record.note(number)
    if is_new and _record.is_training and _record.is_first:
        name = signal.Signals(number).name
        _write(f"\n{name}: stopping after this step; once more stops at once\n")


def _watch(pipe: int) -> None:
    """Receive signals also while the main thread runs a library's code, and end the process if it must be."""
    while True:
        waiting = _LOOK_EVERY_S if _record.received is not None else None
        if select.select([pipe], [], [], waiting)[0]:
            received = os.read(pipe, 64)
            if _END_OF_WATCH in received or not received:
                os.close(pipe)
                return
            for number in received:
                if number in _record.handlers:
                    _record.count(number)
        if _record.again or _record.is_overdue:
            _end_now(_record.received or signal.SIGTERM)


def _end_now(number: int) -> NoReturn:
    """End this process and those that it has started; files stay whole, as after a kill."""
    if _record.is_first and not _record.is_reported:
        message = f"stopped by {signal.Signals(number).name}"
        if _record.is_training:
            message += ": at once, without a checkpoint"
        elif _record.stop is not None:
            message = _record.stop.message
        _write(f"{message}\n")
    multiprocessing = sys.modules.get("multiprocessing")
    with contextlib.suppress(Exception):
        for process in multiprocessing.active_children() if multiprocessing else ():
            process.kill()
    os._exit(_STATUS_OF_SIGNALS + number)


def _write(text: str) -> None:
    """Write to standard error by the system's call: a signal may have interrupted Python's own writing."""
    with contextlib.suppress(OSError):  # a closed terminal
        os.write(2, text.encode())


class _StopOnImport(MetaPathFinder):
    """Looks at the record whenever a module is imported: the libraries take seconds."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Find nothing; raise ``Stopped`` once, unless training or a clean-up imports the module."""
        if _record.received is None or _record.is_training or _record.was_raised:
            return
        if threading.current_thread() is threading.main_thread():
            stop_if_requested()


_FINDER = _StopOnImport()


def _forget() -> None:
    """Restore the system's behaviour in a forked worker: SIGTERM ends it, Ctrl-C is for its parent."""
    if not _record.handlers:
        return
    handlers, pipe = _record.handlers, _record.pipe
    with contextlib.suppress(ValueError, OSError):
        signal.set_wakeup_fd(-1)
        for number in handlers:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    for end in pipe or ():
        with contextlib.suppress(OSError):
            os.close(end)
    _record.__init__()  # type: ignore[misc]
    _record.is_first = False
    with contextlib.suppress(ValueError):
        sys.meta_path.remove(_FINDER)


os.register_at_fork(after_in_child=_forget)

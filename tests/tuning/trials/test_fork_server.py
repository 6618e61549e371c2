"""Children are forked, end as they end, and never outlive who started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tuning.trials.fork_server import ForkServer, ForkServerError, Job


def write(arguments):
    print("said", *arguments, os.environ.get("COLOUR"))  # noqa: T201 - what the test reads
    return int(arguments[0])


def raise_error(arguments):
    raise RuntimeError("on purpose")


def leave(arguments):
    sys.exit("goodbye")


def kill_itself(arguments):
    os.kill(os.getpid(), int(arguments[0]))
    time.sleep(60)


def sleep_beside_a_child(arguments):
    helper = subprocess.Popen(["sleep", "300"])  # noqa: S607
    Path(arguments[0]).write_text(f"{os.getpid()} {helper.pid}")
    time.sleep(300)


def tidy_up_when_asked(arguments):
    helper = subprocess.Popen(["sleep", "300"])  # noqa: S607

    def end(*_):
        time.sleep(0.3)  # what a signal to the helper would take
        sys.exit(0 if helper.poll() is None else 5)

    signal.signal(signal.SIGTERM, end)
    Path(arguments[0]).write_text(f"{os.getpid()} {helper.pid}")
    time.sleep(300)


TASKS = {
    "tidy": tidy_up_when_asked,
    "write": write,
    "raise": raise_error,
    "leave": leave,
    "kill": kill_itself,
    "sleep": sleep_beside_a_child,
}


@pytest.fixture
def server():
    server = ForkServer(TASKS)
    yield server
    server.close()


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def lives(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] not in "ZX"
    except OSError:
        return False


def written(path):
    wait_until(lambda: path.is_file() and len(path.read_text().split()) == 2)
    return [int(number) for number in path.read_text().split()]


def test_a_child_gets_arguments_environment_and_a_file_for_its_output(server, tmp_path):
    status = server.run(Job("write", ["3", "x y"], tmp_path / "log", {"COLOUR": "green"}))
    assert status == 3
    assert (tmp_path / "log").read_text() == "said 3 x y green\n"
    assert "COLOUR" not in os.environ


@pytest.mark.parametrize(
    ("task", "arguments", "status"),
    [("raise", [], 1), ("leave", [], 1), ("kill", ["9"], -9), ("kill", ["10"], -10), ("write", ["0"], 0)],
)
def test_the_end_of_a_child_is_told_as_it_was(server, tmp_path, task, arguments, status):
    assert server.run(Job(task, arguments, tmp_path / "log")) == status
    assert server.run(Job("write", ["0"], tmp_path / "log")) == 0  # and the server continues


def test_the_reason_of_an_error_is_in_the_log(server, tmp_path):
    server.run(Job("raise", [], tmp_path / "log"))
    assert (tmp_path / "log").read_text().endswith("RuntimeError: on purpose\n")


def test_children_run_side_by_side(server, tmp_path):
    sleeping = server.start(Job("sleep", [str(tmp_path / "pids")], tmp_path / "log"))
    assert server.start(Job("write", ["4"], tmp_path / "log2")) != sleeping
    ended = {}
    wait_until(lambda: ended.update(server.ended(0.1)) or ended)
    assert list(ended.values()) == [4]


def test_stopping_a_child_stops_what_it_has_started(server, tmp_path):
    child = server.start(Job("sleep", [str(tmp_path / "pids")], tmp_path / "log"))
    processes = written(tmp_path / "pids")
    server.stop(child)
    ended = {}
    wait_until(lambda: ended.update(server.ended(0.1)) or ended)
    assert ended == {child: -signal.SIGTERM}
    wait_until(lambda: not any(map(lives, processes)))
    server.stop(child)  # it is over: nothing happens
    assert server.run(Job("write", ["0"], tmp_path / "log")) == 0


def test_a_child_that_is_asked_to_stop_has_its_helpers_until_it_ends(server, tmp_path):
    child = server.start(Job("tidy", [str(tmp_path / "pids")], tmp_path / "log"))
    processes = written(tmp_path / "pids")
    server.stop(child)
    ended = {}
    wait_until(lambda: ended.update(server.ended(0.1)) or ended)
    assert ended == {child: 0}
    wait_until(lambda: not any(map(lives, processes)))


def test_closing_ends_all(tmp_path):
    server = ForkServer(TASKS)
    server.start(Job("sleep", [str(tmp_path / "pids")], tmp_path / "log"))
    processes = written(tmp_path / "pids")
    server.close()
    wait_until(lambda: not any(map(lives, processes)))


def test_a_parent_that_is_killed_takes_server_and_trial_with_it(tmp_path):
    process = os.fork()
    if process == 0:
        try:
            server = ForkServer(TASKS)
            server.start(Job("sleep", [str(tmp_path / "pids")], tmp_path / "log"))
            time.sleep(300)
        finally:
            os._exit(1)
    trial, _ = written(tmp_path / "pids")
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    wait_until(lambda: not lives(trial))


def test_a_server_that_is_killed_is_told(tmp_path):
    server = ForkServer(TASKS)
    os.kill(server._pid, signal.SIGKILL)
    with pytest.raises(ForkServerError):
        server.run(Job("write", ["0"], tmp_path / "log"))
    server.close()

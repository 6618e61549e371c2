"""Signals outside of steps, and in workers."""

import multiprocessing
import os
import signal

import pytest

from callbacks.every_run.stopping import Stopped, StopRequests

FORK = multiprocessing.get_context("fork")


def test_outside_of_training_a_command_stops_at_once():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as stop, StopRequests().handled():
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.value.code == 143
    assert stop.value.message == "stopped by SIGTERM"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_request_waits_for_the_step_and_a_second_one_does_not(capfd):
    requests = StopRequests()
    with requests.handled():
        requests.can_wait = True
        os.kill(os.getpid(), signal.SIGINT)
        assert requests.received == signal.SIGINT
        with pytest.raises(Stopped) as stop:
            os.kill(os.getpid(), signal.SIGINT)
    assert stop.value.code == 130
    assert "stopping after this step" in capfd.readouterr().err


def _signal_itself(number):
    os.kill(os.getpid(), number)
    os._exit(7)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 7), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_worker_leaves_ctrl_c_to_its_parent(number, status):
    requests = StopRequests()
    with requests.handled():
        worker = FORK.Process(target=_signal_itself, args=(number,))
        worker.start()
        worker.join(20)
    assert worker.exitcode == status
    assert requests.received is None


def test_a_process_that_the_first_one_awaits_exits_with_success(monkeypatch):
    assert Stopped(signal.SIGTERM, agreed=True).code == 143
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("PHONEME_RUN_FOLDER", "experiments/demo")
    assert Stopped(signal.SIGTERM, agreed=True).code == 0
    assert Stopped(signal.SIGTERM).code == 143

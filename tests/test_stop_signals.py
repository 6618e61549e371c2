"""Signals in this process and in workers; whole commands are in ``tests/faults``."""

import importlib
import multiprocessing
import os
import signal
import threading
import time

import pytest

import stop_signals
from stop_signals import Stopped, handled, report, requested, set_training, stop_if_requested

FORK = multiprocessing.get_context("fork")


class Dying:
    """Sends its process a signal when Python destroys it, where an exception would be lost."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        os.kill(os.getpid(), self.number)


def ended(work, *arguments):
    """Run work in a separate process; return its exit status and how long it took."""
    process = FORK.Process(target=work, args=arguments)
    start = time.monotonic()
    process.start()
    process.join(30)
    return process.exitcode, time.monotonic() - start


def stopped(work):
    """Do some work that brings a signal, and look at the record; return what stopped it."""

    def command():
        with handled():
            work()
            assert requested() is not None
            stop_if_requested()

    with pytest.raises(Stopped) as stop:
        command()
    return stop.value


def test_a_signal_is_recorded_and_stops_where_a_phase_looks():
    before = signal.getsignal(signal.SIGTERM)
    stop = stopped(lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert stop.code == 143
    assert stop.message == "stopped by SIGTERM"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_within_a_destructor_is_not_lost():
    assert stopped(lambda: Dying(signal.SIGTERM)).code == 143


def test_a_signal_that_no_phase_has_looked_at_stops_at_the_commands_end():
    with pytest.raises(Stopped), handled():
        Dying(signal.SIGINT)


def test_an_import_looks_at_the_record():
    def work():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped):
            importlib.import_module("this_module_is_nowhere")

    stopped(work)


def test_signals_of_an_earlier_command_do_not_count():
    stopped(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with handled():
        stop_if_requested()


def test_the_message_is_written_once(capsys):
    with handled():
        assert report(Stopped(signal.SIGTERM, "step 5 is kept")) == 143
        report(Stopped(signal.SIGTERM))
    assert capsys.readouterr().err == "stopped by SIGTERM: step 5 is kept\n"


def _deaf(seconds):
    with handled():
        os.kill(os.getpid(), signal.SIGTERM)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sum(range(1000))


def test_a_phase_that_never_looks_is_ended():
    status, seconds = ended(_deaf, 20)
    assert status == 143
    assert seconds < 5


def _training(signals, pause):
    with handled():
        set_training(True)
        for number in signals:
            os.kill(os.getpid(), number)
            time.sleep(pause)
        end = time.monotonic() + stop_signals.GRACE_S + 1.5
        while time.monotonic() < end:
            time.sleep(0.1)
        os._exit(7)  # it was left alone


def _cleans_up_for_long():
    with handled():
        set_training(True)
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            raise Stopped(requested(), "step 9 is in last.ckpt")
        finally:
            set_training(False)
            time.sleep(20)  # as a loader does whose worker hangs


def test_what_was_saved_is_written_also_where_the_clean_up_is_cut(capfd):
    status, seconds = ended(_cleans_up_for_long)
    assert (status, seconds < 5) == (143, True)
    assert "stopped by SIGTERM: step 9 is in last.ckpt" in capfd.readouterr().err


def test_training_may_finish_its_step_however_long():
    assert ended(_training, [signal.SIGTERM], 0)[0] == 7


def test_a_second_signal_stops_at_once(capfd):
    status, seconds = ended(_training, [signal.SIGINT, signal.SIGINT], 0.8)
    assert status == 130
    assert seconds < 3
    assert "once more stops at once" in capfd.readouterr().err


def test_one_signal_that_arrives_twice_is_no_second_one():
    assert ended(_training, [signal.SIGTERM, signal.SIGTERM, signal.SIGTERM], 0.05)[0] == 7


def _training_in_a_library():
    with handled():
        set_training(True)
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM]).start()
        os.system("sleep 1.5")  # as a backward pass: Python's handler runs once it has returned
        time.sleep(0.5)
        os._exit(7)


def test_a_signal_within_a_long_call_of_a_library_is_no_second_one():
    assert ended(_training_in_a_library)[0] == 7


def _worker_that_signals_itself(number):
    os.kill(os.getpid(), number)
    os._exit(7)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 7), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_worker_leaves_ctrl_c_to_its_parent(number, status):
    with handled():
        assert ended(_worker_that_signals_itself, number)[0] == status
        time.sleep(0.3)
        assert requested() is None  # the worker's signal has not reached its parent's record


def _ending_slowly(number):
    with handled():
        pass
    threading.Timer(0.2, os.kill, [os.getpid(), number]).start()
    threading._register_atexit(time.sleep, 10)  # as libraries clean up
    stop_signals.leave(0)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_libraries_clean_up_ends_the_program_without_a_traceback(capfd, number, status):
    ended_with, seconds = ended(_ending_slowly, number)
    assert ended_with == status
    assert seconds < 3
    assert "Traceback" not in capfd.readouterr().err

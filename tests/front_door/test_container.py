"""The Docker path: a stand-in for the client records its calls."""

import os
import signal
import time
from pathlib import Path

import pytest

CUDA_ENGINE = '{"io.containerd.runc.v2":{},"nvidia":{}} ["name=seccomp"]'
ROOTLESS_ENGINE = '{"io.containerd.runc.v2":{}} ["name=seccomp","name=rootless"]'
CHANGES = [["build"], ["run"], ["start"], ["rm"], ["rename"]]


def changes(front_door):
    """Return the calls that change something: neither inspections nor commands run in the container."""
    return [call[1] for call in front_door.calls("docker") if [call[1]] in CHANGES]


def the_call(front_door, *start):
    (call,) = front_door.calls("docker", *start)
    return call


def commands(front_door):
    """Return the calls of `docker exec` that run a command, not those that send a signal."""
    return [call for call in front_door.calls("docker", "exec") if 'exec "$@"' in " ".join(call)]


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def children_of(process):
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def train(front_door, **variables):
    result = front_door.run("train", "config/config.yaml", **variables)
    assert result.returncode == 0, result.stderr
    return result


def test_missing_image_and_container_are_created(front_door):
    front_door.add_engine()
    result = train(front_door)
    assert changes(front_door) == ["build", "run"]
    assert result.stderr.splitlines()[0] == "run.sh: runs in the container phoneme_recognition (no GPUs)"
    assert not (front_door.folder / ".venv").exists()


def test_the_image_is_built_from_the_project_and_labelled(front_door):
    front_door.add_engine()
    train(front_door)
    build = the_call(front_door, "build")
    assert build[2] == "--label"
    assert build[3].startswith("phoneme.inputs=")
    assert len(build[3]) == len("phoneme.inputs=") + 64
    assert build[4:] == ["--tag", "phoneme_recognition", "."]


def test_the_container_has_its_name_the_mounts_the_user_and_shared_memory(front_door):
    front_door.add_engine()
    train(front_door)
    run = the_call(front_door, "run")
    assert run[-1] == "phoneme_recognition"
    assert {"--detach", "--init"} <= set(run)
    for option, value in {
        "--name": "phoneme_recognition",
        "--user": f"{os.getuid()}:{os.getgid()}",
        "--shm-size": "8g",
    }.items():
        assert run[run.index(option) + 1] == value
    assert [word for word in run if word.startswith("type=bind")] == [
        f"type=bind,source={front_door.folder}/{name},target=/app/{name}"
        for name in ("config", "data", "experiments")
    ]
    assert all((front_door.folder / name).is_dir() for name in ("config", "data", "experiments"))


def test_a_running_container_is_used_as_it_is(contained):
    train(contained)
    assert changes(contained) == []
    assert len(commands(contained)) == 1


@pytest.mark.parametrize("state", ["exited", "created"])
def test_a_stopped_container_is_started(contained, state):
    container = contained.engine / "container"
    container.write_text(container.read_text().replace("running", state))
    train(contained)
    assert changes(contained) == ["start"]


def test_a_removed_container_is_made_again_from_the_same_image(contained):
    (contained.engine / "container").unlink()
    train(contained)
    assert changes(contained) == ["run"]


@pytest.mark.parametrize("name", ["main.py", "requirements.lock", "Dockerfile", "models/new file.py"])
def test_changed_code_or_lock_rebuilds_the_image_and_replaces_the_container(contained, name):
    (contained.folder / name).parent.mkdir(exist_ok=True)
    (contained.folder / name).write_text("changed")
    train(contained)
    assert changes(contained) == ["build", "rm", "run"]
    train(contained)
    assert changes(contained) == ["build", "rm", "run"]


@pytest.mark.parametrize(
    "name",
    ["config/new.yaml", "data/a.wav", "experiments/a/b", ".git/index", "optim/__pycache__/a.pyc", ".venv/x"],
)
def test_a_file_outside_the_image_does_not_rebuild_it(contained, name):
    (contained.folder / name).parent.mkdir(parents=True, exist_ok=True)
    (contained.folder / name).touch()
    train(contained)
    assert changes(contained) == []


def test_a_container_of_another_checkout_is_replaced(contained):
    container = contained.engine / "container"
    container.write_text(container.read_text().replace(f"root={contained.folder}", "root=/elsewhere"))
    train(contained)
    assert changes(contained) == ["rm", "run"]


def test_an_outdated_container_in_use_is_set_aside_not_removed(contained):
    (contained.folder / "main.py").write_text("changed")
    (contained.engine / "busy").touch()
    result = train(contained)
    assert changes(contained) == ["build", "rename", "run"]
    assert "it continues there" in result.stderr


def test_containers_set_aside_go_once_they_are_idle(contained):
    (contained.folder / "main.py").write_text("changed")
    (contained.engine / "retired").write_text("aaaa\nbbbb\n")
    train(contained)
    assert [call[-1] for call in contained.calls("docker", "rm")] == ["aaaa", "bbbb", "phoneme_recognition"]


def test_gpus_are_given_where_the_engine_has_them(front_door):
    front_door.add_engine(CUDA_ENGINE)
    result = train(front_door)
    run = the_call(front_door, "run")
    assert run[run.index("--gpus") + 1] == "all"
    assert "(all GPUs)" in result.stderr


def test_gpus_are_not_requested_from_an_engine_without_them(front_door):
    front_door.add_engine()
    train(front_door)
    assert "--gpus" not in the_call(front_door, "run")


def test_a_container_without_gpus_is_replaced_once_the_engine_has_them(contained):
    contained.add_engine(CUDA_ENGINE)
    train(contained)
    assert changes(contained) == ["rm", "run"]


def test_commands_run_as_the_calling_user(contained):
    train(contained)
    assert f"--user={os.getuid()}:{os.getgid()}" in commands(contained)[0]


def test_in_a_rootless_engine_its_root_is_the_calling_user(front_door):
    front_door.add_engine(ROOTLESS_ENGINE)
    train(front_door)
    assert "--user=0:0" in commands(front_door)[0]


def test_variables_are_passed_on_where_set_and_by_name_only(contained):
    train(contained, HF_TOKEN="secret", WANDB_MODE="")
    words = commands(contained)[0]
    assert "--env=HF_TOKEN" in words
    assert "--env=WANDB_MODE" in words
    assert "--env=HF_HUB_OFFLINE" not in words
    assert "secret" not in " ".join(words)


def test_no_terminal_is_requested_without_one(contained):
    train(contained)
    assert {"--tty", "--interactive"}.isdisjoint(commands(contained)[0])


def test_a_recording_on_standard_input_reaches_the_container(contained):
    assert contained.run("transcribe", "demo", "-").returncode == 0
    words = commands(contained)[0]
    assert "--interactive" in words
    assert "--tty" not in words
    assert words[-5:] == ["python", "main.py", "transcribe", "demo", "-"]


def test_a_recording_outside_the_project_is_handed_in_and_cannot_be_changed(contained, tmp_path):
    recording = tmp_path / "Ein, zwei.wav"
    recording.touch()
    result = contained.run("transcribe", "demo", str(recording))
    assert result.returncode == 0, result.stderr
    run = the_call(contained, "run")
    assert "--rm" in run
    assert f'type=bind,"source={recording}","target={recording}",readonly' in run
    name = run[run.index("--name") + 1]
    assert name in commands(contained)[0]
    assert commands(contained)[0][-1] == str(recording)
    assert contained.calls("docker", "rm")[-1][-1] == name


COMMANDS = [
    "transcribe demo demo",
    "align demo demo",
    "export demo",
    "lm",
    "start data",
    "corpus common-voice",
    "vocabulary build",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", ["--output {}", "--output={}"])
@pytest.mark.parametrize("place", ["{}/results", "../results", "config/../../results"])
def test_results_outside_the_project_are_refused_in_one_line(contained, tmp_path, command, form, place):
    options = form.format(place.format(tmp_path)).split()
    result = contained.run(*command.split(), *options)
    outside = tmp_path if "{" in place else contained.folder.parent
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert str(outside / "results") in result.stderr
    assert commands(contained) == []


@pytest.mark.parametrize("option", ["--output results", "--output=results", "--output ./results/of/today"])
def test_results_that_the_container_would_keep_are_refused(contained, option):
    result = contained.run("transcribe", "demo", "demo", *option.split())
    assert result.returncode == 2
    assert f"put {contained.folder / 'results'}" in result.stderr
    assert commands(contained) == []


@pytest.mark.parametrize("form", ["--output {}", "--output={}"])
@pytest.mark.parametrize("place", ["experiments/new", "./experiments/new", "config/../experiments/new"])
def test_results_within_the_project_are_written_there(contained, form, place):
    result = contained.run("transcribe", "demo", "demo", *form.format(place).split())
    assert result.returncode == 0, result.stderr
    assert commands(contained)[0][-1].rpartition("=")[2] == "experiments/new"


def test_images_of_older_code_are_removed_once_they_are_replaced(contained):
    (contained.folder / "main.py").write_text("changed")
    train(contained)
    assert the_call(contained, "image", "prune")[3:] == ["--force", "--filter", "label=phoneme.inputs"]


def test_run_sh_ends_after_the_command_whose_client_was_ended(contained, tmp_path):
    process = contained.start(
        "shell",
        "sh",
        "-c",
        f"trap 'sleep 2; touch {tmp_path}/saved; exit 143' TERM; "
        f"touch {tmp_path}/ready; while :; do sleep 0.1; done",
        CLIENT_DIES="1",
    )
    wait_until((tmp_path / "ready").exists)
    for call in (process.pid, *children_of(process.pid)):  # as `timeout` does, and to the client, too
        os.kill(call, signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert (tmp_path / "saved").exists()


def test_a_configuration_outside_the_project_is_refused_in_one_line(contained, tmp_path):
    (tmp_path / "my.yaml").touch()
    result = contained.run("train", str(tmp_path / "my.yaml"))
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert str(tmp_path / "my.yaml") in line


def test_phoneme_local_skips_the_engine(front_door):
    front_door.add_engine()
    result = train(front_door, PHONEME_LOCAL="1")
    assert "run.sh: runs in .venv (PHONEME_LOCAL=1)" in result.stderr
    assert front_door.calls("docker") == []


@pytest.mark.parametrize("value", ["0", ""])
def test_phoneme_local_can_be_switched_off(contained, value):
    assert "in the container" in train(contained, PHONEME_LOCAL=value).stderr


def test_without_a_docker_client_it_runs_locally(front_door):
    (front_door.bin / "docker").unlink()
    assert "run.sh: runs in .venv (no Docker engine answers)" in train(front_door).stderr


def test_an_image_that_cannot_be_built_is_reported_in_one_line(front_door):
    front_door.add_engine()
    result = front_door.run("train", "config/config.yaml", BUILD_STATUS="1")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "run.sh: the image could not be built"
    assert commands(front_door) == []


def test_two_simultaneous_starts_create_one_container(front_door):
    front_door.add_engine()
    for process in [front_door.start("train", "config/config.yaml") for _ in range(2)]:
        process.communicate(timeout=20)
        assert process.returncode == 0
    assert changes(front_door) == ["build", "run"]
    assert len(commands(front_door)) == 2

"""Optional packages: added by name or by `check`, remembered, and kept out of what everybody gets."""

import re
import tomllib

import pytest

ONNX = ["-r", "pyproject.toml", "--extra", "onnx", "-c", "requirements-dev.lock"]
EVERYTHING = ["-r", "requirements-dev.lock"]


@pytest.fixture
def project(prepared, repository):
    """A prepared project that knows the real extras."""
    (prepared.folder / "pyproject.toml").write_text((repository / "pyproject.toml").read_text())
    return prepared


def pins(text: str) -> set[str]:
    return set(re.findall(r"^[\w.-]+==[\w.+]+", text, flags=re.MULTILINE))


def hashes_by_pin(text: str) -> dict[str, set[str]]:
    blocks = re.findall(r"^([\w.-]+==[\w.+]+)(.*?)(?=^\S|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    return {pin: set(re.findall(r"sha256:\w+", rest)) for pin, rest in blocks}


def test_check_adds_its_packages_once_to_the_environment(project):
    for _ in range(2):
        assert project.run("check").returncode == 0
    (install,) = project.calls("uv")
    assert install[:3] == ["uv", "pip", "install"]
    assert "--require-hashes" in install
    assert install[-2:] == EVERYTHING
    assert (project.folder / ".extras").read_text() == "dev\n"


def test_an_extra_is_installed_by_name_with_the_locked_versions(project):
    result = project.run("install", "onnx")
    assert result.returncode == 0
    assert project.calls("uv")[0][-6:] == ONNX
    assert result.stderr.splitlines()[-1] == "run.sh: installed: onnx"
    project.run("train")
    assert len(project.calls("uv")) == 1


def test_several_extras_add_up(project):
    project.run("install", "wandb", "onnx")
    project.run("install", "onnx", "docs")
    assert (project.folder / ".extras").read_text().split() == ["docs", "onnx", "wandb"]
    extras = ["--extra", "docs", "--extra", "onnx", "--extra", "wandb"]
    assert project.calls("uv")[-1][-8:-2] == extras


def test_chosen_extras_return_after_a_change_of_the_running_packages(project):
    project.run("install", "onnx")
    (project.folder / "requirements.lock").write_text("# newer\n")
    project.run("train")
    first, sync, again = project.calls("uv")
    assert sync[2] == "sync"
    assert again[-6:] == first[-6:] == ONNX


def test_an_unknown_extra_is_one_line_that_names_the_known_ones(project, repository):
    result = project.run("install", "onxx")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    extras = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert line == f"run.sh: no such extra: 'onxx'; the extras are: {' '.join(extras)} "
    assert project.calls() == []


def test_install_alone_lists_the_extras_and_prepares_nothing(project):
    result = project.run("install")
    assert result.returncode == 0
    assert "epitran onnx" in result.stdout
    assert project.calls() == []


@pytest.mark.parametrize("mode", [["check"], ["install", "onnx"], ["docs"], ["dev", "ruff"]])
def test_a_failure_ends_the_command_that_needs_the_packages_and_no_other(project, mode):
    result = project.run(*mode, UV_STATUS="1")
    assert result.returncode == 1
    assert "could not be added" in result.stderr.splitlines()[-1]
    assert project.calls("python") == []
    assert project.run("train").returncode == 0
    assert len(project.calls("uv")) == 1  # the running packages are whole; nothing is installed again


def test_chosen_extras_that_cannot_be_renewed_do_not_stop_a_training(project):
    project.run("install", "onnx")
    (project.folder / "requirements-dev.lock").write_text("# newer\n")
    result = project.run("train", UV_STATUS="1")
    assert result.returncode == 0
    assert "goes on without: onnx" in result.stderr
    assert len(project.calls("python")) == 1


def test_half_installed_extras_are_removed_and_installed_again_when_they_are_wanted(project):
    (project.folder / ".venv/.extras").write_text("unfinished\n")
    assert project.run("train").returncode == 0
    assert project.calls("uv") == []
    assert project.run("install", "onnx").returncode == 0
    sync, install = project.calls("uv")
    assert sync[2] == "sync"
    assert install[-6:] == ONNX


def test_the_image_gets_the_running_packages_alone(contained, repository):
    (contained.folder / "Dockerfile").write_text("# changed\n")
    contained.run("train")
    (build,) = contained.calls("docker", "build")
    assert "--build-arg" not in build


def test_check_adds_its_packages_to_the_image_once(contained):
    for _ in range(2):
        assert contained.run("check").returncode == 0
    (build,) = contained.calls("docker", "build")
    assert build[build.index("--build-arg") + 1] == "MORE=-r requirements-dev.lock"
    contained.run("train")
    assert len(contained.calls("docker", "build")) == 1


def test_extras_of_an_image_that_could_not_be_built_are_not_remembered(contained):
    assert contained.run("check", BUILD_STATUS="1").returncode == 1
    assert not (contained.folder / ".extras").exists()


def test_the_running_lock_is_a_part_of_the_other_with_the_same_hashes(repository):
    running = hashes_by_pin((repository / "requirements.lock").read_text())
    everything = hashes_by_pin((repository / "requirements-dev.lock").read_text())
    assert len(running) > 100
    assert {pin: found for pin, found in running.items() if everything.get(pin) != found} == {}


def test_the_running_lock_holds_no_tools_and_of_the_extras_the_synthesiser_alone(repository):
    running = {pin.split("==")[0] for pin in pins((repository / "requirements.lock").read_text())}
    extras = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {extra: {re.split(r"[<>=\[ ]", line)[0] for line in lines} for extra, lines in extras.items()}
    assert named.pop("espeak") <= running
    assert {extra: names & running for extra, names in named.items() if names & running} == {}


def test_audit_examines_every_locked_package_and_installs_none(front_door):
    assert front_door.run("audit", "--format", "json").returncode == 0
    (call,) = front_door.calls("uv")
    assert call[1:4] == ["tool", "run", "pip-audit"]
    assert {"--strict", "--disable-pip", "--require-hashes", "requirements-dev.lock"} <= set(call)
    assert call[-2:] == ["--format", "json"]
    assert not (front_door.folder / ".venv").exists()

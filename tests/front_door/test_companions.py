"""The files beside run.sh agree with it: compose.yaml, .pre-commit-config.yaml, CITATION.cff."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]


def read(name: str):
    return yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))


def shell_value(name: str) -> str:
    text = (REPOSITORY / "front_door/container.sh").read_text(encoding="utf-8")
    return re.search(rf"^{name}=(\S+)", text, flags=re.MULTILINE)[1]


@pytest.fixture
def service():
    return read("compose.yaml")["services"]["phonemes"]


def test_compose_uses_the_image_and_the_shared_memory_of_run_sh(service):
    assert service["image"] == shell_value("CONTAINER")
    assert service["shm_size"] == shell_value("SHARED_MEMORY")
    assert service["init"] is True


def test_compose_mounts_the_folders_of_run_sh(service):
    assert service["volumes"] == [f"./{name}:/app/{name}" for name in ("config", "data", "experiments")]


def test_compose_runs_commands_of_main_on_every_gpu(service):
    assert service["entrypoint"] == ["python", "main.py"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}


def test_compose_passes_on_only_variables_that_run_sh_passes_on(service):
    text = (REPOSITORY / "front_door/container.sh").read_text(encoding="utf-8")
    passed_on = re.search(r"PASSED_ON=\((.*?)\)", text, flags=re.DOTALL)[1].split()
    assert set(service["environment"]) <= set(passed_on)


def test_hooks_download_nothing_and_run_in_the_environment_of_check():
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].startswith("./run.sh dev python -m ")


def test_hooks_run_what_check_runs():
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    hooks = " ".join(hook["entry"] for hook in repository["hooks"])
    script = (REPOSITORY / "run.sh").read_text(encoding="utf-8")
    for tool in re.findall(r'^    step ".*?" python -m (\w+(?: \w+)?)', script, flags=re.MULTILINE):
        assert f"python -m {tool}" in hooks


def test_the_version_stands_in_one_place_and_the_citation_follows_it():
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert read("CITATION.cff")["version"] == version
    assert f"\n## {version}" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")

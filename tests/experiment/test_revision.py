"""The revision of the code: of the repository that holds it, or unknown."""

import shutil
import subprocess
from pathlib import Path

import pytest

from experiment import revision

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PHONEME_REVISION", raising=False)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    name = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *name, "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path, check=True)
    return tmp_path


def place_code(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(revision, "_PROJECT_FILE", folder / "pyproject.toml")


def test_a_checkout_has_the_commit_of_its_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_code(monkeypatch, repository)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert revision.code_revision() == head.stdout.strip()


def test_an_installed_package_has_not_that_of_the_project_around_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_code(monkeypatch, repository / ".venv/lib/site-packages")
    assert revision.code_revision() is None


def test_the_container_has_the_revision_that_was_passed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHONEME_REVISION", "abc")
    assert revision.code_revision() == "abc"

"""The wheel holds all of the source, the configurations, and every file that the source reads."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from installation import PACKAGES
from tests.source_tree import MAY_IMPORT

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
INCLUDED = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]


def test_the_list_of_packages_is_complete() -> None:
    names = [f"{name}.py" if (ROOT / f"{name}.py").is_file() else name for name in MAY_IMPORT]
    assert sorted(INCLUDED) == sorted([*names, "config"])


def test_the_packages_whose_log_is_shown_are_ours() -> None:
    assert sorted(PACKAGES) == sorted(name for name in MAY_IMPORT if (ROOT / name).is_dir())


def test_every_file_of_these_packages_goes_in() -> None:
    from hatchling.builders.wheel import WheelBuilder

    held = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    files = {file for file in _tracked() if file.split("/")[0] in INCLUDED}
    assert "cli/command_table.txt" in files
    assert files - held == set()


def _tracked() -> list[str]:
    if not shutil.which("git"):
        pytest.skip("needs git")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no checkout")  # as in the image
    return listed.stdout.splitlines()

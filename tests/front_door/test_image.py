"""The Dockerfile and .dockerignore, checked without an engine."""

from fnmatch import fnmatch
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
INSTRUCTIONS = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "CMD"}


def instructions() -> list[tuple[str, str]]:
    text = (REPOSITORY / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def patterns() -> list[str]:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def is_ignored(path: str) -> bool:
    parts = path.split("/")
    at_root = [pattern for pattern in patterns() if not pattern.startswith("**/")]
    anywhere = [pattern.removeprefix("**/") for pattern in patterns() if pattern.startswith("**/")]
    return parts[0] in at_root or any(fnmatch(part, pattern) for part in parts for pattern in anywhere)


def position(instruction: str, argument: str) -> int:
    """Return where in the Dockerfile an instruction with this in its arguments stands."""
    return next(
        i for i, (name, rest) in enumerate(instructions()) if name == instruction and argument in rest
    )


def test_only_known_instructions_are_used():
    assert {name for name, _ in instructions()} <= INSTRUCTIONS


def test_the_base_is_a_slim_python_without_a_registry_host():
    assert instructions()[0] == ("FROM", "python:3.12-slim")


@pytest.mark.parametrize(
    "source",
    [word for name, rest in instructions() if name == "COPY" for word in rest.split()[:-1]],
)
def test_what_is_copied_exists_and_is_not_ignored(source):
    assert (REPOSITORY / source).exists()
    assert not is_ignored(source)


def test_a_code_change_rebuilds_nothing_but_the_code():
    assert (
        position("COPY", "requirements.lock") < position("RUN", "requirements.lock") < position("COPY", ". .")
    )
    after_code = instructions()[position("COPY", ". .") + 1 :]
    assert [name for name, _ in after_code] == ["RUN", "USER", "CMD"]
    assert "install" not in after_code[0][1]


def test_requirements_are_installed_by_hash_and_leave_no_cache():
    _, install = instructions()[position("RUN", "requirements.lock")]
    for command in install.split("&&"):
        assert {"--require-hashes", "-r"} <= set(command.split())
        assert {"--no-cache", "--no-cache-dir"} & set(command.split())


def test_it_holds_the_running_packages_alone_unless_more_are_asked_for():
    assert ("ARG", 'MORE=""') in instructions()
    _, more = instructions()[position("RUN", "$MORE")]
    assert more.startswith('test -z "$MORE" || uv pip install ')
    assert {"--no-cache", "--require-hashes"} <= set(more.split())
    assert position("RUN", "-r requirements.lock") < position("RUN", "$MORE") < position("COPY", ". .")
    copied = " ".join(rest for name, rest in instructions()[: position("RUN", "$MORE")] if name == "COPY")
    assert {"pyproject.toml", "requirements-dev.lock"} <= set(copied.split())


def test_it_does_not_run_as_root():
    (user,) = [rest for name, rest in instructions() if name == "USER"]
    assert user not in {"root", "0"}
    assert position("USER", user) == len(instructions()) - 2


def test_it_starts_idle_and_downloads_nothing():
    assert instructions()[-1] == ("CMD", '["sleep", "infinity"]')


def test_models_are_kept_with_the_data():
    assert position("ENV", "HF_HOME=/app/data/")
    assert position("ENV", "NUMBA_CACHE_DIR=/app/data/")  # a new container compiles nothing again


@pytest.mark.parametrize("path", [".git/HEAD", ".venv/bin/python", "data/a.wav", "models/__pycache__/a.pyc"])
def test_what_is_not_code_stays_out(path):
    assert is_ignored(path)


@pytest.mark.parametrize(
    "path", ["main.py", "dataset_modules/data/x.py", "tests/conftest.py", "run.sh", "pyproject.toml"]
)
def test_code_goes_in(path):
    assert not is_ignored(path)


def test_ignore_patterns_keep_to_the_forms_that_run_sh_reads():
    for pattern in patterns():
        assert not pattern.startswith(("!", "/"))
        assert "/" not in pattern.removeprefix("**/")
        assert pattern.startswith("**/") or not set(pattern) & set("*?[")

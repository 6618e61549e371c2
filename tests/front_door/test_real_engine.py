"""The Docker path with a real engine, where one is at hand; a small program stands in for main.py."""

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = "python:3.12-slim"
# Stands in for main.py: it shows its arguments, or works until it is asked to stop and then saves.
PROGRAM = """
import signal, sys, time
from pathlib import Path

def stop(*_):
    time.sleep(2)
    Path("experiments/saved").touch()
    sys.exit(143)

if sys.argv[1] == "transcribe":
    text = sys.stdin.buffer.read() if sys.argv[-1] == "-" else Path(sys.argv[-1]).read_bytes()
    print(len(text), sys.argv[-1])
else:
    signal.signal(signal.SIGTERM, stop)
    Path("experiments/ready").touch()
    while True:
        time.sleep(0.1)
"""
DOCKERFILE = f'FROM {BASE}\nWORKDIR /app\nCOPY . .\nCMD ["sleep", "infinity"]\n'


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ""


def an_engine_answers() -> bool:
    return shutil.which("docker") is not None and bool(
        docker("image", "inspect", "--format", "{{.Id}}", BASE)
    )


pytestmark = pytest.mark.skipif(not an_engine_answers(), reason=f"no Docker engine with {BASE} answers")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project with run.sh, a small image, and a separate container name; both are removed."""
    name = f"phoneme_test_{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "project"
    shutil.copytree(REPOSITORY / "front_door", folder / "front_door")
    for file in ("run.sh", ".dockerignore", "cli/command_table.txt", "config/config.yaml", "pyproject.toml"):
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / file, folder / file)
    (folder / "main.py").write_text(PROGRAM)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    container = folder / "front_door/container.sh"
    container.write_text(
        container.read_text().replace("CONTAINER=phoneme_recognition ", f"CONTAINER={name} ")
    )
    yield folder
    docker("rm", "--force", name)
    docker("image", "rm", "--force", name)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PHONEME_LOCAL"}


def run_sh(project: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(project / "run.sh"), *arguments],
        cwd=project,
        env=environment(),
        capture_output=True,
        check=False,
        timeout=200,
        **options,
    )


def test_a_recording_outside_is_handed_in_and_nothing_is_left(project: Path, tmp_path: Path) -> None:
    recording = tmp_path / "Ein, zwei.wav"
    recording.write_bytes(b"12345")
    done = run_sh(project, "transcribe", "demo", str(recording))
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == f"5 {recording}"
    done = run_sh(project, "transcribe", "demo", "-", input=b"1234567")
    assert done.stdout.decode().strip() == "7 -"
    assert docker("container", "ls", "--all", "--filter", "name=_guest_", "--format", "{{.Names}}") == ""


def test_run_sh_waits_for_the_checkpoint_when_timeout_signals_its_group(project: Path) -> None:
    assert run_sh(project, "shell", "true").returncode == 0  # builds the image
    done = subprocess.run(
        ["timeout", "--signal=TERM", "8", str(project / "run.sh"), "train"],
        cwd=project,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert (project / "experiments/ready").exists(), done.stderr
    assert (project / "experiments/saved").exists()
    assert done.returncode == 124  # as timeout returns it


def test_run_sh_waits_where_the_client_is_killed(project: Path) -> None:
    process = subprocess.Popen(
        [str(project / "run.sh"), "train"],
        cwd=project,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 100
    while not (project / "experiments/ready").exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    time.sleep(1)
    assert process.poll() is None  # the command goes on, so run.sh does
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert (project / "experiments/saved").exists()


def test_an_image_of_older_code_is_removed(project: Path) -> None:
    assert run_sh(project, "shell", "true").returncode == 0
    name = next(
        line.split("=")[1].split()[0]
        for line in (project / "front_door/container.sh").read_text().splitlines()
        if line.startswith("CONTAINER=")
    )
    older = docker("image", "inspect", "--format", "{{.Id}}", name)
    (project / "main.py").write_text(PROGRAM + "\n# newer\n")
    assert run_sh(project, "shell", "true").returncode == 0
    assert docker("image", "inspect", "--format", "{{.Id}}", name) != older
    assert docker("image", "inspect", "--format", "{{.Id}}", older) == ""

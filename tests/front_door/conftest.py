"""A copy of run.sh in a temporary project, with a PATH of named tools and stand-ins only."""

import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
STAND_INS = Path(__file__).parent / "stand_ins"
# All tools that run.sh and the stand-ins may use; add a new dependency here.
TOOLS = (
    "bash basename cat chmod cp cut date dirname env find flock grep id mkdir mktemp rm sed sh sha256sum "
    "setsid sleep sort tail timeout touch tr true wc xargs"
)
PLAIN_ENGINE = '{"io.containerd.runc.v2":{}} ["name=seccomp"]'


@dataclass
class FrontDoor:
    """The copied project, and the commands that its stand-ins recorded."""

    folder: Path
    bin: Path
    record: Path
    engine: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self, **variables: str) -> dict[str, str]:
        return {
            "PATH": str(self.bin),
            "HOME": str(self.folder.parent),
            "RECORD": str(self.record),
            "ENGINE_FOLDER": str(self.engine),
            "STAND_INS": str(STAND_INS),
            **self.variables,
            **variables,
        }

    def run(
        self, *arguments: str, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "run.sh"), *arguments],
            cwd=cwd or self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.folder / "run.sh"), *arguments],
            cwd=self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # pytest itself may ignore it
        )

    def calls(self, *start: str) -> list[list[str]]:
        """Return the recorded commands that begin with these words, without `docker info`."""
        if not self.record.exists():
            return []
        words = self.record.read_text().split("\0")
        calls: list[list[str]] = [[]]
        for word in words[:-1]:
            if word == "\1":
                calls.append([])
            else:
                calls[-1].append(word)
        return [
            call
            for call in calls[:-1]
            if call[: len(start)] == list(start) and call[:2] != ["docker", "info"]
        ]

    def add_stand_in(self, name: str) -> None:
        """Put a stand-in on the PATH under its own name."""
        shutil.copy(STAND_INS / f"{name}.sh", self.bin / name)
        (self.bin / name).chmod(0o755)

    def add_engine(self, info: str = PLAIN_ENGINE) -> None:
        """Make a Docker engine answer."""
        (self.engine / "info").write_text(info)


@pytest.fixture
def bare_front_door(tmp_path: Path) -> FrontDoor:
    """The project on a machine with neither Python nor Docker."""
    project = tmp_path / "a project"
    shutil.copytree(REPOSITORY / "front_door", project / "front_door")
    for name in ("run.sh", "Dockerfile", ".dockerignore"):
        shutil.copy(REPOSITORY / name, project / name)
    (project / "cli").mkdir()
    shutil.copy(REPOSITORY / "cli/command_table.txt", project / "cli")
    for name in (
        "main.py",
        "requirements.lock",
        "requirements-dev.lock",
        "requirements-bootstrap.txt",
        "config/config.yaml",
    ):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(f"# {name}\n")
    tools, engine = tmp_path / "bin", tmp_path / "engine"
    tools.mkdir()
    (engine / "inside").mkdir(parents=True)
    for tool in TOOLS.split():
        path = shutil.which(tool)
        if path is not None:
            (tools / tool).symlink_to(path)
    return FrontDoor(folder=project, bin=tools, record=tmp_path / "record", engine=engine)


@pytest.fixture
def front_door(bare_front_door: FrontDoor) -> FrontDoor:
    """The project on a machine with a system Python, and a docker client that finds no engine."""
    bare_front_door.add_stand_in("python3")
    bare_front_door.add_stand_in("docker")
    shutil.copy(bare_front_door.bin / "python3", bare_front_door.engine / "inside" / "python")
    return bare_front_door


@pytest.fixture
def prepared(front_door: FrontDoor) -> FrontDoor:
    """The same after a first use: .venv exists and nothing is recorded yet."""
    front_door.run("shell", "true")
    front_door.record.unlink()
    return front_door


@pytest.fixture
def contained(front_door: FrontDoor) -> FrontDoor:
    """The same with an engine whose container is up to date and running; nothing is recorded yet."""
    front_door.add_engine()
    front_door.run("shell", "true")
    front_door.record.unlink()
    return front_door


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the real files."""
    return REPOSITORY

"""Lists the faults of the Python environment, one line each, before anything heavy is imported.

It costs milliseconds: the standard library reads file names and a few bytes, and no package is loaded.
(`importlib.metadata` would take longer to import than the whole check.)
"""

import re
import sys
from collections.abc import Iterable, Sequence
from operator import eq, ge, gt, le, lt, ne
from pathlib import Path

from installation import COMMAND, PROGRAM, PROJECT

PROJECT_FILE = Path(__file__).resolve().parents[1] / "pyproject.toml"
REMEDY = (
    "`./run.sh shell` prepares the locked environment (delete .venv first if that changes nothing)"
    if PROGRAM != COMMAND
    else f"Install {PROJECT} again, into a separate environment, with its requirements.lock as constraints"
)
MAX_NAMED = 5

_COMPARISONS = {">=": ge, "<=": le, "==": eq, "!=": ne, ">": gt, "<": lt}
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*([^;]*)(;.*)?$")
_METADATA_FOLDER = re.compile(r"([^-]+)-([^-]+)(?:-.+)?\.(?:dist|egg)-info$")
_CUDA_OF_TORCH = re.compile(r"^cuda\b.*=\s*'(\d+)\.(\d+)", re.MULTILINE)
_CUDA_OF_TORCHAUDIO = re.compile(r"\+cu(\d+)(\d)'")
_TORCH_LIBRARY = re.compile(rb"\0(lib(?:torch|c10)\w*\.so)(?=\0)")


def environment_faults(
    search_path: Sequence[str] | None = None,
    python_version: str | None = None,
    project_file: Path = PROJECT_FILE,
) -> list[str]:
    """List what keeps this environment from running the project, each fault in one line with its remedy.

    Args:
        search_path: Folders that packages are looked for in, first come first; `sys.path` when None.
        python_version: The interpreter's version, such as "3.12.1"; the running one's when None.
        project_file: The `pyproject.toml` that holds the accepted versions.
    """
    folders = [Path(folder) for folder in (sys.path if search_path is None else search_path) if folder]
    version = python_version or ".".join(map(str, sys.version_info[:3]))
    try:
        import tomllib
    except ModuleNotFoundError:  # before Python 3.11
        return [f"Python {version} does not serve: 3.11 or newer is needed. {REMEDY}"]
    if not project_file.is_file():  # an installed package: the installer has compared the versions
        return torchaudio_faults(folders)
    project = tomllib.loads(project_file.read_text(encoding="utf-8"))["project"]
    faults = []
    if not version_lies_in(version, project["requires-python"]):
        faults.append(f"Python {version} does not serve: {project['requires-python']} is needed. {REMEDY}")
    faults += package_faults(project["dependencies"], installed_versions(folders))
    return faults or torchaudio_faults(folders)


def package_faults(requirements: Iterable[str], installed: dict[str, str]) -> list[str]:
    """Compare the required packages with the installed ones; the missing ones share one line.

    >>> package_faults(["torch>=2.11,<2.14"], {"torch": "2.13.0+cpu"})
    []
    """
    missing, faults = [], []
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None or match[3]:  # a marker may exclude this machine: that is left to the installer
            continue
        name, specifiers = match[1], match[2].strip()
        version = installed.get(_normalised(name))
        if version is None:
            missing.append(name)
        elif not version_lies_in(version, specifiers):
            faults.append(f"{name} {version} is installed, but {name}{specifiers} is needed. {REMEDY}")
    if missing:
        named = ", ".join(missing[:MAX_NAMED]) + (", …" if len(missing) > MAX_NAMED else "")
        faults.insert(0, f"{len(missing)} required packages are not installed ({named}). {REMEDY}")
    return faults


def torchaudio_faults(folders: Iterable[Path]) -> list[str]:
    """Check that torchaudio finds, beside this torch, the shared libraries of torch that it is linked to.

    torchaudio's published wheels are linked to the CUDA build of torch. With another build they fail on
    import, and so does every package that imports torchaudio.
    """
    folders = list(folders)
    torch, torchaudio = _package_folder("torch", folders), _package_folder("torchaudio", folders)
    if torch is None or torchaudio is None:
        return []
    torch_file, audio_file = _version_file(torch), _version_file(torchaudio)
    lost = sorted(_linked_torch_libraries(torchaudio) - {path.name for path in (torch / "lib").glob("lib*")})
    if lost:
        return [
            f"torchaudio needs {' and '.join(lost)}, which {_build('torch', torch_file)} lacks: "
            f"torchaudio was made for another build of torch (CUDA). {REMEDY}"
        ]
    torch_cuda, torchaudio_cuda = _CUDA_OF_TORCH.search(torch_file), _CUDA_OF_TORCHAUDIO.search(audio_file)
    if torch_cuda and torchaudio_cuda and torch_cuda.groups() != torchaudio_cuda.groups():
        return [
            f"{_build('torchaudio', audio_file)} was made for CUDA {'.'.join(torchaudio_cuda.groups())}, "
            f"{_build('torch', torch_file)} for CUDA {'.'.join(torch_cuda.groups())}. {REMEDY}"
        ]
    return []


def installed_versions(folders: Iterable[Path]) -> dict[str, str]:
    """Map normalised package names to versions, read from the names of the metadata folders."""
    versions: dict[str, str] = {}
    for folder in folders:
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        for match in filter(None, (_METADATA_FOLDER.match(entry.name) for entry in entries)):
            versions.setdefault(_normalised(match[1]), match[2])
    return versions


def version_lies_in(version: str, specifiers: str) -> bool:
    """Return whether a version meets comma-separated specifiers (`>=`, `>`, `<=`, `<`, `==`, `!=`).

    Only release numbers count: a pre-release is taken for its release, a local tag such as `+cpu` is ignored.

    >>> version_lies_in("2.13.0+cpu", ">=2.11,<2.14"), version_lies_in("2.14.0", ">=2.11,<2.14")
    (True, False)
    """
    found = _release(version)
    for specifier in filter(None, map(str.strip, specifiers.split(","))):
        operator = re.match(r"[<>=!]=|[<>]", specifier)
        if operator is None:
            raise ValueError(
                f"environment check: specifier must begin with one of {list(_COMPARISONS)}, got {specifier!r}"
            )
        if not _COMPARISONS[operator[0]](found, _release(specifier[operator.end() :])):
            return False
    return True


def _release(version: str) -> tuple[int, ...]:
    numbers = re.match(r"\s*v?(\d+(?:\.\d+)*)", version)
    release = [int(number) for number in numbers[1].split(".")] if numbers else []
    while release and release[-1] == 0:  # 2.0 and 2 are the same release
        release.pop()
    return tuple(release)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _package_folder(name: str, folders: Iterable[Path]) -> Path | None:
    return next((folder / name for folder in folders if (folder / name / "__init__.py").is_file()), None)


def _linked_torch_libraries(torchaudio: Path) -> set[str]:
    """Collect the torch libraries that torchaudio's are linked to: their string tables hold the names."""
    patterns = ("_torchaudio*.so", "libtorchaudio*.so")  # the two that `import torchaudio` loads
    libraries = (library for pattern in patterns for library in (torchaudio / "lib").glob(pattern))
    return {name.decode() for library in libraries for name in _TORCH_LIBRARY.findall(library.read_bytes())}


def _version_file(package: Path) -> str:
    path = package / "version.py"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _build(name: str, version_file: str) -> str:
    match = re.search(r"__version__\s*=\s*'([^']+)'", version_file)
    return f"{name} {match[1]}" if match else name

"""Where this code lies, what was shipped with it, and how packages are added beside it."""

import sys
from pathlib import Path

PROJECT = "phoneme-recognition"
# Our packages, whose log is shown; site-packages holds others beside them.
PACKAGES = (
    "callbacks",
    "cli",
    "dataset_modules",
    "doctor",
    "evaluation",
    "experiment",
    "inference",
    "models",
    "optim",
    "phonetics",
    "reports",
    "scoring",
    "tuning",
    "untrusted",
    "webpage",
)
MODULES = ("durable_files", "installation", "main", "stop_signals", "wording")  # beside the packages
ROOT = Path(__file__).resolve().parent
_SCRIPT = ROOT / "run.sh"
COMMAND = "phonemes"  # [project.scripts] in pyproject.toml
# What messages and reports name: a checkout has the script, an installed package the console command alone.
PROGRAM = "./run.sh" if _SCRIPT.is_file() else COMMAND


def program_typed() -> str:
    """Return how the user has started this program."""
    return COMMAND if Path(sys.argv[0]).stem == COMMAND else "python main.py"


def existing_or_shipped(path: str | Path) -> Path:
    """Return the path, or the shipped file of that name where the caller's folder has none.

    Configurations name shipped vocabularies by their path in the project; an installed program finds them
    from any folder.

    >>> existing_or_shipped("config/demo.yaml").name, existing_or_shipped("/nowhere/my.yaml").as_posix()
    ('demo.yaml', '/nowhere/my.yaml')
    """
    path = Path(path)
    shipped = ROOT / path
    return shipped if not path.exists() and shipped.is_file() else path


def how_to_install(extra: str, prefix: Path | None = None) -> str:
    """Return the command that installs an extra into the environment that runs (or the one at ``prefix``)."""
    prefix = prefix or Path(sys.prefix)
    of_the_system = prefix == Path(sys.base_prefix)  # the container
    if _SCRIPT.is_file() and (of_the_system or prefix.resolve() == (ROOT / ".venv").resolve()):
        return f"./run.sh install {extra}"
    command = "uv tool install" if (prefix / "uv-receipt.toml").is_file() else "pip install"
    return f"{command} '{_source()}[{extra}]'"


def _source() -> str:
    """Return what the package was installed from: a folder or an address; its name where that is unknown."""
    if _SCRIPT.is_file():
        return str(ROOT)
    # Imported only now: commands start without them.
    import importlib.metadata
    import json
    from urllib.parse import unquote, urlsplit

    try:
        recorded = importlib.metadata.distribution(PROJECT).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        recorded = None
    address = str(json.loads(recorded)["url"]) if recorded else PROJECT
    parts = urlsplit(address)
    return unquote(parts.path) if parts.scheme == "file" else address

"""The folders of experiments: how they are named, claimed and found, and their best checkpoints."""

import fcntl
import glob
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from experiment import layout
from experiment.errors import ConfigError
from untrusted.files import FileError, within
from untrusted.json_text import read_json
from untrusted.printing import printable
from untrusted.shapes import ShapeError, conform_fields

_EXPERIMENTS = Path(layout.EXPERIMENTS)
_MOST_RECORD_BYTES = 2**20
_TRIAL = re.compile(r"([^/]+)(?:/tuning/(?!\.{1,2}/)[^/]+)?/trials/\d+/run")
_LISTED = 10  # names in a message
_LONGEST_NAME = 255  # bytes
_MOST_NAME_BYTES = 200  # a suffix and the names of temporary files need the rest of 255
_locked: dict[Path, int] = {}  # descriptors by folder, until this process ends


def default_name(section: Namespace, now: datetime) -> str:
    """Return the name of an experiment that the configuration does not name.

    >>> switches = {"freeze_feature_extractor": True, "freeze_transformer": True}
    >>> model = Namespace(network_name="Wav2Vec2", optimizer="AdamW", **switches)
    >>> section = Namespace(model=model, data=Namespace(batch_size=4))
    >>> default_name(section, datetime(2024, 10, 22, 15, 30))
    'network_Wav2Vec2_freeze_true_transformer_true_optimizer_AdamW_batch_size_4_time_22_10_2024_15_30'
    """
    model, optimizer = section.model, section.model.optimizer
    parts = {
        "network": model.network_name,
        "freeze": str(model.freeze_feature_extractor).lower(),
        "transformer": str(model.freeze_transformer).lower(),
        "optimizer": optimizer if isinstance(optimizer, str) else optimizer["class_path"].rpartition(".")[2],
        "batch_size": section.data.batch_size,
        "time": now.strftime("%d_%m_%Y_%H_%M"),
    }
    return "_".join(f"{key}_{value}" for key, value in parts.items())


def check_name(key: str, name: str) -> None:
    r"""Refuse what is no name of a folder under ``experiments/``.

    >>> check_name("custom_folder_name", "../../escaped")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    experiment.errors.ConfigError: custom_folder_name must be the name of one folder, got '../../escaped'; ...
    """
    if trial := _TRIAL.fullmatch(name):  # searches and studies write these names for their trials
        name = trial[1]
    is_name = name not in ("", ".", "..") and not re.search(r"[/\\\0]", name) and not name.startswith("-")
    if not is_name or len(name.encode(errors="replace")) > _MOST_NAME_BYTES or name != printable(name):
        raise ConfigError(
            f"{key} must be the name of one folder, got {printable(name, most_characters=80)!r}; "
            "leave out / and \\, control characters and a - at the start; trainer.default_root_dir "
            "chooses the place"
        )


def claim_folder(parent: Path, name: str) -> Path:
    """Create the first free one of ``name``, ``name_2`` …; two runs at once get different ones."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}_{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
        number += 1


def lock_folder(folder: Path) -> None:
    """Keep a folder for this process until it ends; refuse one in which another process trains."""
    if folder in _locked:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(
            f"ckpt_path: another process trains in {printable(folder)}; wait for its end, stop it, or begin "
            "a new run without ckpt_path"
        ) from error
    except OSError:  # this file system has no locks
        os.close(descriptor)
    else:
        _locked[folder] = descriptor


def _leave_to_parent() -> None:
    """Close the copies in a forked worker, which may outlive its parent."""
    for descriptor in _locked.values():
        os.close(descriptor)
    _locked.clear()


os.register_at_fork(after_in_child=_leave_to_parent)


def runs_named(parent: Path, name: str) -> list[Path]:
    """List the folders of all runs of a name, oldest first. A name that ends in a time matches any time."""
    base = re.escape(re.sub(r"_time_[\d_]+$", "_time_", name))
    pattern = re.compile(base + (r"[\d_]+" if base.endswith("_time_") else r"(_\d+)?"))
    folders = [folder for folder in parent.glob("*") if folder.is_dir() and pattern.fullmatch(folder.name)]
    return sorted(folders, key=_last_trained)


def _last_trained(folder: Path) -> tuple[int, str]:
    """Return when a run last wrote a checkpoint; a later evaluation does not make it newer."""
    checkpoints = (folder / layout.CHECKPOINTS).glob(layout.CHECKPOINT_PATTERN)
    written = [path.stat().st_mtime_ns for path in checkpoints]
    return max(written, default=folder.stat().st_ctime_ns), folder.name


def best_checkpoint(folder: Path) -> Path | None:
    """Return the checkpoint that a finished or running experiment has recorded as its best."""
    record = folder / layout.CHECKPOINTS / layout.BEST_CHECKPOINT_FILE
    if not record.exists():
        return None
    try:
        known = conform_fields(
            read_json(record, dict[str, Any], most_bytes=_MOST_RECORD_BYTES), {"path": str}
        )
    except ShapeError as error:
        raise ConfigError(f"{printable(record)}: {printable(error)}") from error
    except FileError as error:
        raise ConfigError(str(error)) from error
    name = known.get("path", "")
    if name != Path(name).name or name in ("", "..") or len(os.fsencode(name)) > _LONGEST_NAME:
        shown = printable(name, most_characters=80)
        raise ConfigError(f"{printable(record)}: path must be the name of a file beside it, got {shown!r}")
    checkpoint = record.parent / name
    try:
        within(folder, f"{layout.CHECKPOINTS}/{name}")  # a link may lead out
    except FileError as error:
        raise ConfigError(f"{printable(record)}: {error}; name a .ckpt file instead") from error
    return checkpoint if checkpoint.is_file() else None


def find_checkpoint(command: str, name: str, *, takes_models: bool = False) -> Path:
    """Find a checkpoint file by its path, or an experiment's best one by its folder or its name.

    Where the command takes other models as well (``takes_models``), the message names these, too.
    """
    path = Path(name)
    if path.is_file():
        return path
    for folder in (path, _EXPERIMENTS / name):
        if folder.is_dir():
            if found := best_checkpoint(folder):
                return found
            other = ", or config.json of a Hugging Face model" if takes_models else ""
            raise ConfigError(
                f"{command}: {folder} must hold a best checkpoint{other}, it does not; name a .ckpt file"
            )
    present = [folder.parent for folder in _EXPERIMENTS.glob(f"*/{layout.CHECKPOINTS}")]
    other = ", or a Hugging Face model's folder or hub id" if takes_models else ""
    raise ConfigError(
        f"{command}: {name} must be a checkpoint, or an experiment's folder or name under "
        f"{_EXPERIMENTS}/{other}; "
        f"{_alternatives(name, present)}"
    )


def is_experiment(name: str) -> bool:
    """Whether this is an experiment's folder, or its name under ``experiments/``."""
    return any((folder / layout.CHECKPOINTS).is_dir() for folder in (Path(name), _EXPERIMENTS / name))


def find_experiment(name: str) -> Path:
    """Find the folder of a run or of an evaluation by its path, or by its name under ``experiments/``."""
    for folder in (Path(name), _EXPERIMENTS / name):
        if _holds_results(folder):
            return folder
    present = [folder for folder in _EXPERIMENTS.glob("*") if _has_configuration(folder)]
    raise ConfigError(
        f"report: {name} must be an experiment's folder, or its name under {_EXPERIMENTS}/, with "
        f"a config.yaml; {_alternatives(name, present)}"
    )


def find_experiments(pattern: str) -> list[Path]:
    """Find all folders that a pattern such as ``adamw_*`` describes, or the one of a name or a path."""
    is_folder = any(_holds_results(parent / pattern) for parent in (Path(), _EXPERIMENTS))
    if is_folder or not glob.has_magic(pattern):
        return [find_experiment(pattern)]
    for parent in (Path(), _EXPERIMENTS):
        matches = sorted(glob.glob(pattern, root_dir=parent))
        if folders := [parent / match for match in matches if _holds_results(parent / match)]:
            return folders
    present = [folder for folder in _EXPERIMENTS.glob("*") if _has_configuration(folder)]
    raise ConfigError(
        f"report: {printable(pattern)} must match folders of experiments, or names under {_EXPERIMENTS}/; "
        f"{_alternatives(pattern, present)}"
    )


def _alternatives(name: str, present: Iterable[Path]) -> str:
    """Name the experiments that are nearest to a wrong name, else those that were trained last.

    >>> _alternatives("nowhere", [])
    'there are: none'
    """
    names = [folder.name for folder in sorted(present, key=_last_trained, reverse=True)]
    if near := get_close_matches(Path(name).name, names):
        return f"nearest: {', '.join(near)}"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"there are: {', '.join(names[:_LISTED]) or 'none'}{more}"


def _holds_results(folder: Path) -> bool:
    return _has_configuration(folder) or bool(layout.recorded_splits(folder))


def _has_configuration(folder: Path) -> bool:
    return layout.CONFIGURATION_FILE.newest_in(folder).is_file()

"""Where a configuration's experiment lies, and which of its checkpoints is meant; none is opened for it."""

from datetime import datetime
from pathlib import Path
from typing import NoReturn

from jsonargparse import Namespace

from experiment import layout
from experiment.errors import ConfigError
from experiment.folder import best_checkpoint, check_name, default_name, runs_named
from models.network.weight_files import why_no_checkpoint


def location_of(section: Namespace) -> tuple[Path, str]:
    """Return the folder of all experiments, and the name of this one."""
    parent = Path(section.trainer.default_root_dir or ".") / layout.EXPERIMENTS
    name = section.custom_folder_name or default_name(section, datetime.now())
    check_name("custom_folder_name", name)
    return parent, name


def named_checkpoint(section: Namespace) -> Path | None:
    """Return the path that ``ckpt_path`` names, other than ``last``; None where it names nothing."""
    if section.ckpt_path == "best":
        return newest_best(*location_of(section))
    if not section.ckpt_path:
        return None
    path = Path(section.ckpt_path)
    return (best_checkpoint(path) if path.is_dir() else None) or path


def newest_best(parent: Path, name: str) -> Path:
    """Return the best checkpoint of the newest run of this name that has one."""
    found = [best for folder in runs_named(parent, name) if (best := best_checkpoint(folder))]
    return found[-1] if found else none_found(parent, name)


def none_found(parent: Path, name: str) -> NoReturn:
    """Refuse a name under which nothing was trained."""
    raise ConfigError(
        f"ckpt_path: {parent / name} holds no trained checkpoint; train first, or give --ckpt_path"
    )


def check_checkpoint_is_there(section: Namespace, *, is_needed: bool) -> None:
    """Refuse a checkpoint that is not there; ``is_needed`` where the command evaluates one."""
    parent, name = location_of(section)
    if section.ckpt_path == "last":
        folders = [run / layout.CHECKPOINTS for run in runs_named(parent, name)]
        if not any(any(folder.glob(layout.CHECKPOINT_PATTERN)) for folder in folders):
            none_found(parent, name)
        return
    path = named_checkpoint(section) or (newest_best(parent, name) if is_needed else None)
    if path is not None and (reason := why_no_checkpoint(path)):
        raise ConfigError(reason)

"""The experiment's folder: its name, where it is, which checkpoint in it is the best."""

import json
import re
from datetime import datetime
from pathlib import Path

EXPERIMENTS = "experiments"
CHECKPOINTS = "checkpoints"
EVALUATIONS = "evaluations"  # of its checkpoints, one folder each
BEST_FILE = "best.json"  # in the checkpoints' folder, written by the checkpoint callback
_TIME = "%d_%m_%Y_%H_%M"


def default_name(
    network_name: str, *, freeze: bool, transformer: bool, optimizer: str, batch_size: int, now: datetime
) -> str:
    """The name of an experiment that was given none.

    >>> default_name("Wav2Vec2", freeze=True, transformer=True, optimizer="AdamW", batch_size=4,
    ...              now=datetime(2024, 10, 22, 15, 30))
    'network_Wav2Vec2_freeze_true_transformer_true_optimizer_AdamW_batch_size_4_time_22_10_2024_15_30'
    """
    parts = {
        "network": network_name,
        "freeze": str(freeze).lower(),
        "transformer": str(transformer).lower(),
        "optimizer": optimizer,
        "batch_size": batch_size,
        "time": now.strftime(_TIME),
    }
    return "_".join(f"{key}_{value}" for key, value in parts.items())


def claim_folder(parent: Path, name: str) -> Path:
    """Create the first free one of ``name``, ``name_2`` …; two runs at once get different ones."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}_{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            continue
        return folder


def runs_named(parent: Path, name: str) -> list[Path]:
    """The folders of all runs of a name, oldest first. A name that ends in a time matches any time."""
    base = re.escape(re.sub(r"_time_[\d_]+$", "_time_", name))
    pattern = re.compile(base + (r"[\d_]+" if base.endswith("_time_") else r"(_\d+)?"))
    folders = [folder for folder in parent.glob("*") if folder.is_dir() and pattern.fullmatch(folder.name)]
    return sorted(folders, key=_last_trained)


def _last_trained(folder: Path) -> tuple[int, str]:
    """When a run last wrote a checkpoint; evaluating it later does not make it newer."""
    written = [path.stat().st_mtime_ns for path in (folder / CHECKPOINTS).glob("*.ckpt")]
    return max(written, default=folder.stat().st_ctime_ns), folder.name


def best_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that a finished or running experiment calls its best."""
    record = folder / CHECKPOINTS / BEST_FILE
    if not record.is_file():
        return None
    checkpoint = folder / CHECKPOINTS / str(json.loads(record.read_text(encoding="utf-8"))["path"])
    return checkpoint if checkpoint.is_file() else None


def experiment_of(checkpoint: Path) -> Path | None:
    """The experiment's folder that a checkpoint lies in."""
    parent = checkpoint.resolve().parent
    return parent.parent if parent.name == CHECKPOINTS else None

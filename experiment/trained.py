"""What was trained: an experiment's best checkpoint, or a checkpoint by its own name."""

from pathlib import Path

from experiment.errors import ConfigError
from experiment.folder import EXPERIMENTS, best_checkpoint


def find_checkpoint(command: str, name: str) -> Path:
    """A checkpoint file, or the best one of an experiment (its folder, or its name under experiments/)."""
    path = Path(name)
    if path.is_file():
        return path
    for folder in (path, Path(EXPERIMENTS) / name):
        if folder.is_dir():
            found = best_checkpoint(folder)
            if found is None:
                raise ConfigError(
                    f"{command}: {folder} must hold a best checkpoint, it does not; name a .ckpt file"
                )
            return found
    present = sorted(folder.parent.name for folder in Path(EXPERIMENTS).glob("*/checkpoints"))
    raise ConfigError(
        f"{command}: {name} must be a checkpoint, or an experiment's folder or name under {EXPERIMENTS}/; "
        f"there are: {', '.join(present) or 'none'}"
    )

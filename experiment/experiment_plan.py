"""Where a command writes, and which checkpoint it starts from; decided before anything is built."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from jsonargparse import Namespace

from experiment import layout
from experiment.checkpoint import Checkpoint, newest_loadable
from experiment.checkpoint_checks import check_checkpoint, check_resume_position
from experiment.checkpoint_paths import location_of, named_checkpoint, newest_best, none_found
from experiment.errors import ConfigError, FolderError, in_one_line
from experiment.folder import best_checkpoint, claim_folder, lock_folder, runs_named
from experiment.ranks import FOLDER, agree
from untrusted.files import within


@dataclass(frozen=True)
class ExperimentPlan:
    """The folder that a command will write to, and the checkpoint that it takes."""

    parent: Path
    name: str  # before a suffix
    checkpoint: Path | None = None  # what to start from or to evaluate
    resumes: bool = False  # whether the command continues the run that lies in this folder already
    logs: bool = True  # evaluations write their metrics only

    @classmethod
    def of(cls, subcommand: str, section: Namespace, resumed: Checkpoint | None = None) -> "ExperimentPlan":
        """Decide from a subcommand's section; refuse a checkpoint that is broken or does not belong to it.

        ``resumed`` is the configuration's checkpoint, where it was read already.
        """
        parent, name = location_of(section)
        if subcommand == "fit":
            return cls._of_training(parent, name, section, resumed)
        checkpoint = _configured(section, resumes=False) or Checkpoint.intact(newest_best(parent, name))
        check_checkpoint(checkpoint, section)
        if folder := layout.experiment_of(checkpoint.path):
            return cls(within(folder, layout.EVALUATIONS), subcommand, checkpoint.path, logs=False)
        return cls(parent, f"{name}_{subcommand}", checkpoint.path, logs=False)

    @classmethod
    def of_published(cls, subcommand: str, section: Namespace, model: str) -> "ExperimentPlan":
        """Plan the evaluation of a Hugging Face model: an experiment named after model and configuration."""
        parent, _ = location_of(section)
        name = Path(model).name if Path(model).is_dir() else model.replace("/", "_")
        parts = (name, section.custom_folder_name, subcommand)
        return cls(parent, "_".join(filter(None, parts)), logs=False)

    @classmethod
    def _of_training(
        cls, parent: Path, name: str, section: Namespace, resumed: Checkpoint | None
    ) -> "ExperimentPlan":
        weights_only = section.only_weights_load
        checkpoint = resumed or _configured(section, resumes=not weights_only)
        if checkpoint is None:
            return cls(parent, name)
        check_checkpoint(checkpoint, section)
        if not weights_only:
            check_resume_position(checkpoint, section)
            folder = layout.experiment_of(checkpoint.path)
            runs = [run.resolve() for run in runs_named(parent, name)]
            if folder in runs and folder.parent == parent.resolve():
                return cls(parent, folder.name, checkpoint.path, resumes=True)
        return cls(parent, name, checkpoint.path)

    def claim(self) -> Path:
        """Return the run's folder on resume, else a new one; the same for all processes of a run."""
        return Path(agree(FOLDER, lambda: str(self._locked_folder().absolute())))

    def _locked_folder(self) -> Path:
        folder = self._own_folder()
        lock_folder(folder.resolve())
        return folder

    def _own_folder(self) -> Path:
        if self.resumes:
            return self.parent / self.name
        try:
            return claim_folder(self.parent, self.name)
        except OSError as error:
            hint = "; trainer.default_root_dir chooses another place" if self.logs else ""
            raise FolderError(f"the folder of the run cannot be made: {in_one_line(error)}{hint}") from error

    def release(self, folder: Path) -> None:
        """Remove a claimed folder that holds nothing but the loggers' first files."""
        if not self.resumes and folder.is_dir() and {path.name for path in folder.iterdir()} <= {layout.LOGS}:
            shutil.rmtree(folder, ignore_errors=True)


def has_trained(section: Namespace) -> bool:
    """Whether a run of the configuration's name has a best checkpoint."""
    return any(best_checkpoint(folder) for folder in runs_named(*location_of(section)))


def checkpoint_to_resume(section: Namespace) -> Checkpoint | None:
    """Read the checkpoint whose training ``fit`` resumes; None where there is none or where it is broken.

    What is wrong with it is reported when the plan is made.
    """
    if not section.ckpt_path or section.only_weights_load:
        return None
    try:
        return _configured(section, resumes=True)
    except ConfigError:
        return None


def _configured(section: Namespace, *, resumes: bool) -> Checkpoint | None:
    """Read the checkpoint that the configuration names; ``best`` and ``last`` mean the newest run's."""
    if section.ckpt_path == "last":
        parent, name = location_of(section)
        return newest_loadable(runs_named(parent, name), resumes=resumes) or none_found(parent, name)
    path = named_checkpoint(section)
    return Checkpoint.intact(path) if path is not None else None

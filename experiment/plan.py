"""Where a command writes, and which checkpoint it starts from; decided before anything is built."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from jsonargparse import Namespace

from dataset_modules.batches.position import PlaceError, check_place, is_mid_epoch
from experiment.errors import ConfigError
from experiment.folder import (
    EVALUATIONS,
    EXPERIMENTS,
    best_checkpoint,
    claim_folder,
    default_name,
    experiment_of,
    runs_named,
)
from experiment.newest_checkpoint import newest_loadable
from experiment.ranks import FOLDER, agree
from models.weights import (
    CHECKPOINT_KEY,
    CheckpointError,
    check_content,
    check_vocabulary,
    read_checkpoint,
)
from phonetics import Vocabulary, VocabularyError

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

_LOGS = "logs"  # loggers write there before anything is counted
# What a checkpoint's tensors depend on, of a network's configuration.
_SHAPES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "conv_dim",
    "conv_kernel",
)
_DATA_STATE = "PhonemeDataModule"  # Lightning keeps a data module's state under its class' name


@dataclass(frozen=True)
class ExperimentPlan:
    """The folder a command will write to, and the checkpoint it takes.

    Args:
        parent: where the folder will be.
        name: what it will be called, before a suffix.
        checkpoint: what to start from or to evaluate.
        resumes: whether the command continues the run that lies in this folder already.
        logs: whether the command keeps logs (evaluations write their figures only).
    """

    parent: Path
    name: str
    checkpoint: Path | None
    resumes: bool
    logs: bool

    @classmethod
    def of(cls, subcommand: str, section: Namespace) -> "ExperimentPlan":
        """Decide from the configuration; checkpoints are read once, so that a broken one is told now."""
        parent, name = _place(section)
        if subcommand == "fit":
            return cls._of_training(parent, name, section)
        checkpoint = _given(section, resumes=False) or _newest_best(parent, name)
        _check(checkpoint, section)
        folder = experiment_of(checkpoint)
        return cls(
            folder / EVALUATIONS if folder else parent,
            subcommand if folder else f"{name}_{subcommand}",
            checkpoint,
            False,
            False,
        )

    @classmethod
    def _of_training(cls, parent: Path, name: str, section: Namespace) -> "ExperimentPlan":
        checkpoint = _given(section, resumes=not section.only_weights_load)
        if checkpoint is None:
            return cls(parent, name, None, resumes=False, logs=True)
        _check(checkpoint, section)
        if not section.only_weights_load:
            _check_place(checkpoint, section)
        folder = None if section.only_weights_load else experiment_of(checkpoint)
        continues = (
            folder is not None
            and folder.parent == parent.resolve()
            and folder in _resolved(runs_named(parent, name))
        )
        return cls(parent, folder.name if continues and folder else name, checkpoint, continues, logs=True)

    def claim(self) -> Path:
        """The folder: the run's own on resume, else a new one; the same for all processes of a run."""
        return Path(agree(FOLDER, lambda: str(self._own_folder().absolute())))

    def _own_folder(self) -> Path:
        return self.parent / self.name if self.resumes else claim_folder(self.parent, self.name)

    def release(self, folder: Path) -> None:
        """Take back a claimed folder that holds nothing but what loggers begin with."""
        if not self.resumes and folder.is_dir() and {path.name for path in folder.iterdir()} <= {_LOGS}:
            shutil.rmtree(folder, ignore_errors=True)

    def loggers(self, folder: Path, asked: Any) -> "Sequence[Logger] | bool | None":  # noqa: ANN401 - Lightning's type
        """TensorBoard and CSV where the configuration says just ``true``; None leaves what it says."""
        if not self.logs:
            return False
        if asked is not True and asked is not None:
            return None
        from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

        # Every start writes a version of its own: a resumed run overwrites no rows.
        return [TensorBoardLogger(folder, f"{_LOGS}/tensorboard"), CSVLogger(folder, f"{_LOGS}/csv")]


def _resolved(folders: Sequence[Path]) -> list[Path]:
    return [folder.resolve() for folder in folders]


def _place(section: Namespace) -> tuple[Path, str]:
    """Where experiments are, and what this one is called."""
    parent = Path(section.trainer.default_root_dir or ".") / EXPERIMENTS
    return parent, section.custom_folder_name or _default_name(section)


def _default_name(section: Namespace) -> str:
    model, optimizer = section.model, section.model.optimizer
    return default_name(
        model.network_name,
        freeze=model.freeze_feature_extractor,
        transformer=model.freeze_transformer,
        optimizer=optimizer
        if isinstance(optimizer, str)
        else str(optimizer["class_path"]).rpartition(".")[2],
        batch_size=section.data.batch_size,
        now=datetime.now(),
    )


def _given(section: Namespace, *, resumes: bool) -> Path | None:
    """The checkpoint that the configuration names; ``best`` and ``last`` mean the newest run's."""
    parent, name = _place(section)
    if section.ckpt_path == "best":
        return _newest_best(parent, name)
    if section.ckpt_path == "last":
        return newest_loadable(runs_named(parent, name), resumes=resumes) or _none_found(parent, name)
    return Path(section.ckpt_path) if section.ckpt_path else None


def _newest_best(parent: Path, name: str) -> Path:
    """The best checkpoint of the newest run of this name that has one."""
    found = [best for folder in runs_named(parent, name) if (best := best_checkpoint(folder))]
    return found[-1] if found else _none_found(parent, name)


def _none_found(parent: Path, name: str) -> NoReturn:
    raise ConfigError(
        f"ckpt_path: {parent / name} holds no trained checkpoint; train first, or give --ckpt_path"
    )


def seed_to_resume(section: Namespace) -> int | None:
    """The seed of the run that is resumed, for a configuration that leaves it open."""
    if not section.ckpt_path or section.only_weights_load:
        return None
    try:
        section.ckpt_path = str(_given(section, resumes=True))  # ``last`` is looked for once
        described = read_checkpoint(Path(section.ckpt_path)).get(CHECKPOINT_KEY)
    except (CheckpointError, ConfigError):
        return None  # told later, with its reason
    return described["seed"] if described else None


def _check(checkpoint: Path, section: Namespace) -> None:
    """Refuse a checkpoint that is broken, or that does not belong to this configuration."""
    try:
        stored = read_checkpoint(checkpoint)
        check_content(checkpoint)
        if not (section.only_weights_load and section.model.map_vocabulary):
            check_vocabulary(stored, Vocabulary.from_file(section.model.vocab_file), checkpoint)
    except (CheckpointError, VocabularyError) as error:
        raise ConfigError(str(error)) from error
    if section.only_weights_load:
        return
    if "optimizer_states" not in stored and "loops" not in stored:
        raise ConfigError(
            f"ckpt_path: {checkpoint} holds weights alone; set only_weights_load: true to start from them"
        )
    if described := stored.get(CHECKPOINT_KEY):
        _check_architecture(checkpoint, described, section)


def _check_place(checkpoint: Path, section: Namespace) -> None:
    """Refuse early what the data module would refuse with the data opened."""
    stored = read_checkpoint(checkpoint)
    if not is_mid_epoch(stored):
        return
    data = section.data
    now = {
        "seed": section.seed_everything if data.seed is None else data.seed,
        "batch_size": data.batch_size,
        "max_batch_seconds": data.max_batch_seconds,
        "accumulate_grad_batches": section.trainer.accumulate_grad_batches,
    }
    # What is a word here is settled with the data.
    known = {key: value for key, value in now.items() if not isinstance(value, str | bool)}
    try:
        check_place(stored.get(_DATA_STATE, {}), known)
    except PlaceError as error:
        raise ConfigError(str(error)) from error


def _check_architecture(checkpoint: Path, described: dict[str, Any], section: Namespace) -> None:
    """The network and the audio facts that the checkpoint was trained with."""
    network = json.loads(described["network_config"])
    audio = vars(section.audio_params)
    theirs = {"network_name": described["network_name"], **network, **described["audio_params"]}
    ours = {"network_name": section.model.network_name, **(section.model.network_config or {}), **audio}
    shapes = ("network_name", "do_normalize", "sampling_rate", "padding_value")
    for name in (name for name in ours if name in shapes or name in _SHAPES):
        if ours[name] != theirs.get(name, ours[name]):
            raise ConfigError(
                f"ckpt_path: {checkpoint} was trained with {name} {theirs[name]!r}, "
                f"the configuration says {ours[name]!r}"
            )

"""Refuses a checkpoint that does not belong to a configuration, before any data are opened."""

import re
from pathlib import Path

from jsonargparse import Namespace

from dataset_modules.batches.position import PlaceError, check_place, is_mid_epoch
from experiment.checkpoint import Checkpoint
from experiment.errors import ConfigError
from experiment.layout import VOCABULARY_FILE, experiment_of
from models.checkpoint_description import CheckpointDescription
from models.network.additions.extended_family import KEYS as EXTENSIONS
from models.weights import CheckpointError, check_vocabulary
from phonetics import Vocabulary, VocabularyError
from untrusted.printing import printable

# What the shapes and the meaning of a checkpoint's tensors depend on.
_COMPARED = (
    *("network_name", "do_normalize", "sampling_rate", "padding_value"),
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("conv_dim", "conv_kernel", "adapter", *EXTENSIONS),
)
_VERSION = re.compile(r"\d+(\.\d+)+([abrc+.]\S*)?$")
_DATA_STATE = "PhonemeDataModule"  # Lightning keeps a data module's state under the name of its class


def check_checkpoint(checkpoint: Checkpoint, section: Namespace) -> None:
    """Refuse a checkpoint of another vocabulary or network, and weights alone where more is needed."""
    try:
        if not (section.only_weights_load and section.model.map_vocabulary):
            vocabulary = Vocabulary.from_file(section.model.vocab_file)
            check_vocabulary(checkpoint.content, vocabulary, checkpoint.path)
    except VocabularyError as error:
        raise ConfigError(f"{error}{_own_vocabulary(checkpoint.path)}") from error
    if section.only_weights_load:
        return
    if "optimizer_states" not in checkpoint.content and "loops" not in checkpoint.content:
        raise ConfigError(
            f"ckpt_path: {checkpoint.path} holds weights alone; "
            f"set only_weights_load: true to start from them"
        )
    version = checkpoint.content.get("pytorch-lightning_version")
    if not isinstance(version, str) or not _VERSION.match(version):
        raise ConfigError(
            f"ckpt_path: {printable(checkpoint.path)} is damaged: it must name the version of Lightning that "
            f"wrote it, got {printable(version, most_characters=40)}"
        )
    _check_architecture(checkpoint, section)


def _own_vocabulary(checkpoint: Path) -> str:
    """Name the vocabulary that the experiment keeps: the configured file may have changed since."""
    experiment = experiment_of(checkpoint)
    own = experiment / VOCABULARY_FILE if experiment else None
    return f"; its experiment has --model.vocab_file {printable(own)}" if own and own.is_file() else ""


def _check_architecture(checkpoint: Checkpoint, section: Namespace) -> None:
    """Compare the network and the audio parameters with those that the checkpoint was trained with."""
    described = _description(checkpoint)
    if described is None:
        return
    theirs = {
        "network_name": described.network_name,
        "adapter": described.adapter,
        **dict.fromkeys(EXTENSIONS),
        **described.network_config,
        **described.audio_params,
    }
    audio, configured = vars(section.audio_params), section.model.network_config or {}
    ours = {"network_name": section.model.network_name, **configured, **audio, **_additions(section.model)}
    for name, value in ours.items():
        if name in _COMPARED and (value or None) != (theirs.get(name, value) or None):
            raise ConfigError(
                f"ckpt_path: {checkpoint.path} was trained with {name} {theirs[name]!r}, "
                f"the configuration has {value!r}"
            )


def _additions(model: Namespace) -> dict[str, object]:
    """Return what a network has beyond its family; a pretrained one may have more than is stated."""
    inner = model.intermediate_ctc
    conditioned = sorted(inner.layers) if inner and inner.self_conditioning else None
    stated = dict(zip(EXTENSIONS, (conditioned, model.layer_mix or None), strict=True))
    if model.pretrained_name is not None:
        stated = {key: value for key, value in stated.items() if value}
    return {"adapter": model.adapter and vars(model.adapter), **stated}


def seed_of(checkpoint: Checkpoint) -> int | None:
    """Return the seed of the run that wrote a checkpoint, where the checkpoint has it."""
    described = _description(checkpoint)
    return described.seed if described else None


def _description(checkpoint: Checkpoint) -> CheckpointDescription | None:
    try:
        return CheckpointDescription.of(checkpoint.content, checkpoint.path)
    except CheckpointError as error:
        raise ConfigError(str(error)) from error


def check_resume_position(checkpoint: Checkpoint, section: Namespace) -> None:
    """Refuse early what the data module would refuse once the data are opened."""
    try:
        if not is_mid_epoch(checkpoint.content):
            return
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise _damaged(checkpoint, error) from error
    data = section.data
    now = {
        "seed": section.seed_everything if data.seed is None else data.seed,
        "batch_size": data.batch_size,
        "max_batch_seconds": data.max_batch_seconds,
        "accumulate_grad_batches": section.trainer.accumulate_grad_batches,
    }
    # Words such as "auto" get their values when the data are opened.
    known = {key: value for key, value in now.items() if not isinstance(value, str | bool)}
    try:
        check_place(checkpoint.content.get(_DATA_STATE, {}), known)
    except PlaceError as error:
        raise ConfigError(str(error)) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise _damaged(checkpoint, error) from error


def _damaged(checkpoint: Checkpoint, error: Exception) -> ConfigError:
    reason = f"{type(error).__name__}: {printable(error, most_characters=200)}"
    return ConfigError(
        f"ckpt_path: {printable(checkpoint.path)} is damaged, nothing can be resumed: {reason}"
    )

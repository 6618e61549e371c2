"""Checks of a parsed configuration that need neither model nor data."""

from dataclasses import asdict, fields
from typing import Any

from jsonargparse import Namespace

from cli.errors import ConfigError
from cli.sections import OptunaSection
from dataset_modules.contract import AudioParams

_GPU_ACCELERATORS = ("gpu", "cuda")


def check_not_tuning(optuna: OptunaSection | Namespace) -> None:
    """Searches are not built yet; say so rather than train once."""
    if optuna.tune:
        raise ConfigError(
            "optuna.tune: searches are not available yet; set it to false to train this configuration"
        )


def check_hardware(trainer: Namespace) -> None:
    """Refuse an accelerator that is not there, or more devices than there are."""
    accelerator, devices = trainer.accelerator, trainer.devices
    if accelerator not in _GPU_ACCELERATORS:
        return
    import torch

    present = torch.cuda.device_count()
    if not present:
        raise ConfigError(
            f"trainer.accelerator: {accelerator} needs a GPU, this machine has none; "
            f"use --trainer.accelerator auto"
        )
    asked = len(devices) if isinstance(devices, list) else devices
    if isinstance(asked, int) and asked > present:
        raise ConfigError(
            f"trainer.devices: {devices} asks for {asked} GPUs, this machine has {present}; "
            f"use --trainer.devices auto"
        )


def shared_audio_params(section: Namespace) -> AudioParams:
    """The one set of audio facts; copies elsewhere in the configuration must say the same."""
    shared = _audio_params(section.audio_params)
    for place, copy in _copies(section):
        if copy is not None:
            _compare(place, _audio_params(copy), shared)
    return shared


def _copies(section: Namespace) -> list[tuple[str, Any]]:
    places = [
        ("model.audio_params", section.model.audio_params),
        ("data.audio_params", section.data.audio_params),
    ]
    for index, dataset in enumerate(section.data.dataset_classes or []):
        arguments = dataset.get("init_args") or {}
        places.append(
            (f"data.dataset_classes[{index}].init_args.audio_params", arguments.get("audio_params"))
        )
    return places


def _audio_params(value: AudioParams | Namespace) -> AudioParams:
    return value if isinstance(value, AudioParams) else AudioParams(**vars(value))


def _compare(place: str, copy: AudioParams, shared: AudioParams) -> None:
    theirs, ours = asdict(copy), asdict(shared)
    for name in (field.name for field in fields(AudioParams)):
        if theirs[name] != ours[name]:
            raise ConfigError(
                f"{place}.{name} must be the same as audio_params.{name}: "
                f"{theirs[name]!r} is not {ours[name]!r}; "
                f"change both, or leave the copy out"
            )

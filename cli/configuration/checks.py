"""Checks of a parsed configuration before a model is built or audio is read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jsonargparse import Namespace

from callbacks.every_run.counted_batches import watchers_of
from cli.configuration.component_builder import augmentation_nodes, build_component, reason
from dataset_modules.augmentations import Transform
from dataset_modules.augmentations.dry_run import PROBE_SECONDS, dry_run
from dataset_modules.augmentations.sound_store import check_sound_paths
from dataset_modules.base_dataset import Split
from dataset_modules.datamodule import PhonemeDataModule
from evaluation.metrics import METRIC_NAMES
from experiment.errors import ConfigError

_SPLITS: dict[str, Split] = {"fit": "train", "validate": "val", "test": "test", "predict": "test"}
GPU_ACCELERATORS = ("gpu", "cuda")
_HALF_PRECISIONS = ("16-true", "transformer-engine-float16")  # Lightning replaces 16-mixed by bf16-mixed
LOGGED_METRICS = ("train_loss", *(f"val_{name}" for name in METRIC_NAMES))  # while training


def check_monitors(callbacks: Sequence[object] | object | None, languages: Sequence[str] = ()) -> None:
    """Refuse callbacks that monitor a metric which is never logged; they would fail after a whole epoch.

    Error rates by language are logged where the validation split has several ``languages``.
    """
    known = [*LOGGED_METRICS, *(f"val_per_{name}" for name in languages)]
    for callback in callbacks if isinstance(callbacks, Sequence) else [callbacks]:
        monitor = getattr(callback, "monitor", None)
        if monitor is not None and monitor not in known:
            raise ConfigError(
                f"trainer.callbacks: {type(callback).__name__} must monitor one of "
                f"{', '.join(known)}, got {monitor!r}"
            )


def check_watchers(callbacks: Sequence[object] | object | None, plateau_metric: str | None, why: str) -> None:
    """Refuse callbacks and schedulers that need validation metrics; ``why`` the val split is empty."""
    watchers = watchers_of(callbacks, plateau_metric)
    if watchers:
        raise ConfigError(
            f"{', '.join(watchers)} must watch a metric that exists, but the val split is empty; "
            f"{why or 'set some aside (validation_split, the manifest, limit_val_data)'}, or leave it out"
        )


def check_recordings(data: PhonemeDataModule, subcommand: str) -> None:
    """Find the recordings; refuse an empty split that the subcommand needs, and texts without a language."""
    data.sources.locate()
    split = _SPLITS[subcommand]
    if data.sources.is_empty(split):
        why = data.sources.why_empty(split)
        raise ConfigError(
            f"data: {subcommand} needs recordings in the {split} split, there are none{why and '; '}{why}"
        )
    data.check_texts(subcommand)
    if subcommand == "fit" and data.sampling is not None:
        data.sources.check_groups(data.sampling.by)


def check_hardware(trainer: Namespace) -> None:
    """Refuse an accelerator that is not there, or more devices than there are."""
    import torch

    accelerator, devices, present = trainer.accelerator, trainer.devices, torch.cuda.device_count()
    if accelerator not in GPU_ACCELERATORS and not (accelerator == "auto" and present):
        _check_precision_on_processor(trainer.precision)
        return
    if not present:
        raise ConfigError(
            f"trainer.accelerator: {accelerator} needs a GPU, this machine has none; "
            f"use --trainer.accelerator auto"
        )
    asked = max(asked_devices(devices) or (), default=-1) + 1
    if asked > present:
        raise ConfigError(
            f"trainer.devices: {devices} asks for {asked} GPUs, this machine has {present}; "
            f"use --trainer.devices auto"
        )


def check_strategy(trainer: Namespace) -> None:
    """Refuse processes that are spawned: each would have to receive the whole run by pickle."""
    strategy = trainer.strategy
    name = strategy if isinstance(strategy, str) else (strategy.get("init_args") or {}).get("start_method")
    if name is not None and re.match(r"(ddp_)?(spawn|forkserver)", name):
        raise ConfigError(
            f"trainer.strategy: {name} cannot be used: a run cannot be handed to processes that are spawned; "
            f"use ddp, which starts the program once for each device"
        )


def _check_precision_on_processor(precision: object) -> None:
    """Refuse weights of 16 bits, which overflow: processors lack the loss scaling that GPUs use with them."""
    if str(precision) in _HALF_PRECISIONS:
        raise ConfigError(
            f"trainer.precision: {precision} needs a GPU; on a processor use 32-true or bf16-mixed"
        )


def asked_devices(devices: object) -> Sequence[int] | None:
    """Return the indices of the devices that ``trainer.devices`` asks for; None where it leaves them open.

    >>> [asked_devices(devices) for devices in (2, "2", [0, 3], "0, 3", "auto", -1)]
    [range(0, 2), range(0, 2), [0, 3], [0, 3], None, None]
    """
    if isinstance(devices, list):
        return [int(device) for device in devices]
    text = str(devices)
    if "," in text:
        return [int(index) for index in text.split(",") if index.strip().isdigit()]
    return range(int(text)) if text.isdigit() else None


def check_augmentations(data: Namespace, sampling_rate: int, *, rehearsed: bool) -> None:
    """Build every transform once, and, where ``rehearsed``, let it augment an artificial clip."""
    for place, node in augmentation_nodes(data):
        transform = build_component(place, node, _check_paths)
        if rehearsed and isinstance(transform, Transform):
            _rehearse(place, str(node["class_path"]), transform, sampling_rate)


def _check_paths(_place: str, component: object, arguments: Mapping[str, Any]) -> None:
    if isinstance(component, type):
        check_sound_paths(component, arguments)


def _rehearse(place: str, class_path: str, transform: Transform, sampling_rate: int) -> None:
    try:
        dry_run(transform, sampling_rate)
    except ImportError as error:
        package = (error.name or "").partition(".")[0].replace("_", "-") or str(error)
        raise ConfigError(
            f"{place}: {class_path} needs the package {package}, which is not installed; "
            f"install it, or leave the transform out"
        ) from error
    except Exception as error:
        raise ConfigError(
            f"{place}: {class_path} fails on {PROBE_SECONDS:g} s of audio at {sampling_rate} Hz: "
            f"{reason(error)}"
        ) from error

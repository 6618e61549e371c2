"""Check augmentations before anything is read; a fault names its place in the configuration."""

from collections.abc import Mapping
from typing import Any

from cli.configuration.component_builder import build_component, component_nodes, reason
from dataset_modules.augmentations import Transform
from dataset_modules.augmentations.dry_run import PROBE_SECONDS, dry_run
from dataset_modules.augmentations.sound_store import check_sound_paths
from experiment.errors import ConfigError


def check_augmentations(nodes: object, sampling_rate: int, *, rehearsed: bool) -> None:
    """Build every transform once, and let it augment an artificial clip.

    Args:
        nodes: the parsed ``data.augmentations``.
        sampling_rate: the clips' sampling rate in Hz.
        rehearsed: whether to try them out, as training needs them; else they are only built.
    """
    for place, node in component_nodes(nodes, "data.augmentations"):
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

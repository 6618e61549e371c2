"""The sound files that transforms mix in, and their replacement by prepared copies."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from audiomentations import AddBackgroundNoise, AddShortNoises, ApplyImpulseResponse
from audiomentations.core.transforms_interface import BaseWaveformTransform
from audiomentations.core.utils import find_audio_files_in_paths

# The attribute in which audiomentations keeps the files it found, by the argument that names the folder.
_LISTS = {"sounds_path": "sound_file_paths", "ir_path": "ir_files"}
_READERS = (AddBackgroundNoise, AddShortNoises, ApplyImpulseResponse)


def sound_files(transforms: Iterable[BaseWaveformTransform]) -> list[Path]:
    """Return every sound file that these transforms may read, once each."""
    found = (
        name for leaf in transforms for attribute in _lists_of(leaf) for name in getattr(leaf, attribute)
    )
    return [Path(name) for name in dict.fromkeys(found)]


def read_from(transform: BaseWaveformTransform, copies: Mapping[str, str]) -> None:
    """Let a transform read copies of its files; files without a copy are no longer read.

    The order of files stays, so that a draw selects the same sound. Without any copy nothing changes.
    """
    for attribute in _lists_of(transform):
        names = [copies[name] for name in getattr(transform, attribute) if name in copies]
        if names:
            setattr(transform, attribute, names)
            if isinstance(transform, AddBackgroundNoise):  # it caches lengths
                transform.time_info_arr = np.full(len(names), -1.0, dtype=np.float32)


def check_sound_paths(transform_class: type, arguments: Mapping[str, object]) -> None:
    """Raise ``ValueError`` for missing or empty folders of sounds; audiomentations names no reason."""
    if not issubclass(transform_class, _READERS):
        return
    for argument in _LISTS:
        value = arguments.get(argument)
        for path in value if isinstance(value, list | tuple) else [value] if value is not None else []:
            _check_path(argument, Path(str(path)))


def _check_path(argument: str, path: Path) -> None:
    if not path.exists():
        raise ValueError(f"{argument} must be a folder of audio, or an audio file; {path} is not there")
    if not find_audio_files_in_paths(path):
        raise ValueError(f"{argument} must hold audio files, {path} holds none")


def _lists_of(transform: BaseWaveformTransform) -> list[str]:
    return [
        attribute for attribute in _LISTS.values() if isinstance(getattr(transform, attribute, None), list)
    ]

"""The sounds that transforms mix in: decoded, mixed down and resampled once rather than for every clip."""

import hashlib
import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from audiomentations import AddBackgroundNoise, AddShortNoises, ApplyImpulseResponse
from audiomentations.core.transforms_interface import BaseWaveformTransform
from audiomentations.core.utils import find_audio_files_in_paths
from filelock import FileLock

from dataset_modules.recording import AudioError
from dataset_modules.sources.audio import read_file, resample, to_mono
from dataset_modules.sources.folders.sound_folders import SOUND_ARGUMENTS, check_sounds_are_there, named_paths
from durable_files import flush_to_disk

log = logging.getLogger(__name__)

_FORMAT = "1"  # of the copies; another format creates new copies
_EXAMPLES = 3
# The attribute in which audiomentations keeps the files it found, by the argument that names the folder.
_LISTS = dict(zip(SOUND_ARGUMENTS, ("sound_file_paths", "ir_files"), strict=True))
_READERS = (AddBackgroundNoise, AddShortNoises, ApplyImpulseResponse)


class SoundStore:
    """Copies of sound files: mono, at one sampling rate, as 32-bit floats without rounding or clipping.

    A copy's name contains its file's path, size and modification time, so that a changed file gets a new
    copy. A copy appears complete or not at all. Processes share the folder, and one of them fills it. A
    mono wav file at this rate needs no copy.
    """

    def __init__(self, folder: Path, sampling_rate: int) -> None:
        self.folder = folder / str(sampling_rate)
        self.sampling_rate = sampling_rate

    def prepare(self, files: Sequence[Path], num_threads: int = 1) -> None:
        """Create the missing copies; files that cannot be decoded are left out and logged."""
        if not self._missing(files):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "making.lock"):
            missing = self._missing(files)  # another process may have made them meanwhile
            if not missing:
                return
            log.info("sounds: bringing %d files to %d Hz", len(missing), self.sampling_rate)
            start = time.perf_counter()
            with ThreadPoolExecutor(num_threads) as pool:
                faults = [fault for fault in pool.map(self._copy, missing) if fault]
            log.info("sounds: done in %.1f s: %s", time.perf_counter() - start, self.folder)
        if faults:
            log.warning(
                "sounds: %d of %d files are left out: %s",
                len(faults),
                len(files),
                "; ".join(faults[:_EXAMPLES]),
            )
        if len(faults) == len(files):
            raise AudioError("sounds: none of the augmentations' sound files can be decoded")

    def copies(self, files: Iterable[Path]) -> dict[str, str]:
        """Map each readable file to its copy, or to itself if it needs no copy."""
        return {str(file): str(place) for file in files if (place := self._place_to_read(file)) is not None}

    def _missing(self, files: Iterable[Path]) -> list[Path]:
        return [file for file in files if self._place_to_read(file) is None]

    def _place_to_read(self, file: Path) -> Path | None:
        try:
            copy = self._copy_of(file)
        except OSError:
            return None
        if copy.is_file():
            return copy
        return file if self._needs_no_copy(file) else None

    def _copy_of(self, file: Path) -> Path:
        status = file.stat()
        key = f"{_FORMAT}|{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        return self.folder / f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.wav"

    def _needs_no_copy(self, file: Path) -> bool:
        try:
            info = soundfile.info(file)
        except (soundfile.SoundFileError, OSError, TypeError, ValueError):
            return False
        return bool(
            info.format == "WAV"
            and info.channels == 1
            and info.samplerate == self.sampling_rate
            and info.frames
        )

    def _copy(self, file: Path) -> str | None:
        """Create one copy; return the file's fault, if it has one."""
        try:
            clip = read_file(file)
        except AudioError as error:
            return str(error)
        waveform = resample(to_mono(clip.waveform), clip.sampling_rate, self.sampling_rate)
        if not len(waveform) or not np.isfinite(waveform).all():
            return f"{file}: it must hold finite samples"
        copy = self._copy_of(file)
        unfinished = copy.with_suffix(f".{os.getpid()}.tmp")
        try:
            soundfile.write(unfinished, waveform, self.sampling_rate, format="WAV", subtype="FLOAT")
            flush_to_disk(unfinished)
            unfinished.replace(copy)
        finally:
            unfinished.unlink(missing_ok=True)
        return None


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
    for argument, path in named_paths(arguments):
        _check_path(argument, path)


def _check_path(argument: str, path: Path) -> None:
    check_sounds_are_there(argument, path)
    if not find_audio_files_in_paths(path):
        raise ValueError(f"{argument} must hold audio files, {path} holds none")


def _lists_of(transform: BaseWaveformTransform) -> list[str]:
    return [
        attribute for attribute in _LISTS.values() if isinstance(getattr(transform, attribute, None), list)
    ]

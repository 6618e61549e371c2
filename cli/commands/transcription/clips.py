"""The clips that a table, a listing or label files cut out of a folder's recordings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.commands.transcription.recordings import AUDIO_SUFFIXES, NamedRecording
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.recording import SPLITS
from experiment.errors import ConfigError
from inference.streaming.audio_stream import AudioFile, ClipAudio


def find_clips(folders: Sequence[str], tiers: Mapping[str, Any]) -> list[NamedRecording]:
    """Find the clips of folders, named as in training: ``talk.wav#0003`` is the third of ``talk.wav``."""
    found: list[NamedRecording] = []
    for name in folders:
        if not Path(name).is_dir():
            raise ConfigError(f"transcribe: --clips needs a folder with a table or label files, got {name}")
        dataset = CustomAudioDataset(
            train_val_dir=name,
            allowed_extensions=AUDIO_SUFFIXES,
            validation_split=0.0,
            **{**tiers, "label_kind": "text"},  # what the labels hold does not matter
        )
        try:
            dataset.load_data()
        except ValueError as error:
            raise ConfigError(f"transcribe: {error}") from error
        for recording in (one for split in SPLITS for one in dataset.recordings(split)):
            audio, key = recording.audio, recording.id
            stream = AudioFile(audio, key) if isinstance(audio, Path) else ClipAudio(audio, key)
            found.append(NamedRecording(stream, Path(key)))
    return found

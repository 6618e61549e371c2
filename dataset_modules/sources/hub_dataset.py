"""Speech data sets of the Hugging Face hub, loaded with ``datasets`` and decoded by soundfile.

By default, ``datasets`` decodes audio with torchcodec, which needs FFmpeg's libraries; here it returns bytes.
"""

import io
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dataset_modules.recording import AudioError, Clip, Recording, Split
from dataset_modules.sources.audio import read_file
from dataset_modules.sources.common_voice_release import speaker_attributes

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

log = logging.getLogger(__name__)

DownloadMode = Literal["reuse_dataset_if_exists", "reuse_cache_if_exists", "force_redownload"]
_SPLIT_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train",),
    "val": ("validation", "dev", "valid", "val"),
    "test": ("test",),
}
_TEXT_COLUMNS = ("sentence", "text", "transcription")
_SPEAKER_COLUMNS = ("client_id", "speaker_id", "speaker")
_AUDIO_COLUMN = "audio"
RELEASE_ADVICE = (
    "Common Voice is published by Mozilla Data Collective (https://datacollective.mozillafoundation.org): "
    "download the language's release there and give its folder or .tar.gz as dataset_name"
)


@dataclass(frozen=True)
class HubClip:
    """The audio of one row; an audio source."""

    labels_itself: ClassVar[bool] = False

    rows: "Dataset"
    index: int

    def fingerprint(self) -> str:
        """Return the fingerprint of ``datasets``, which changes with its files, and the row."""
        return f"hub {self.rows._fingerprint} {self.index}"

    def read(self) -> Clip:
        """Decode the row's bytes or file."""
        audio = self.rows[self.index][_AUDIO_COLUMN]
        if not audio or not (audio["bytes"] or audio["path"]):
            raise AudioError("the row holds no audio")
        if not audio["bytes"]:
            return read_file(Path(audio["path"]))
        return read_file(io.BytesIO(audio["bytes"]))


def load_hub_splits(
    name: str, configurations: Sequence[str], token: bool | str, download_mode: DownloadMode
) -> dict[Split, list[Recording]]:
    """Return the recordings of a hub data set by split; a missing split is empty.

    The configurations are possible names of the language, tried in this order.
    """
    if os.environ.get("LOCAL_RANK", "0") != "0" and download_mode == "force_redownload":
        download_mode = "reuse_dataset_if_exists"  # only the first process of a machine forces a download
    tables = _load(name, configurations, token, download_mode)
    return {split: list(_recordings(name, tables, split)) for split in _SPLIT_NAMES}


def _load(name: str, configurations: Sequence[str], token: bool | str, mode: DownloadMode) -> "DatasetDict":
    import datasets

    faults = []
    for configuration in configurations:
        try:
            return datasets.load_dataset(name, configuration, token=token, download_mode=mode)
        except ValueError as error:  # no such configuration: the next name may be the right one
            faults.append(str(error))
        except (RuntimeError, OSError, datasets.exceptions.DatasetsError) as error:
            raise ValueError(
                f"CommonVoiceDataset: dataset_name {name} {_cause(error)}. {RELEASE_ADVICE}"
            ) from error
    raise ValueError(
        f"CommonVoiceDataset: dataset_name {name} cannot be loaded for language "
        f"{' or '.join(configurations)}: {faults[0]}"
    )


def _cause(error: Exception) -> str:
    """Explain an error of ``datasets``."""
    if "scripts are no longer supported" in str(error):
        return "is a loading script, and such are no longer run by the datasets package"
    kind = type(error).__name__
    if kind in ("EmptyDatasetError", "DataFilesNotFoundError"):
        return "is a repository whose data files were taken away"
    if kind == "DatasetNotFoundError":
        return "is neither a folder here nor a data set on the hub (or it needs a login: use_auth_token)"
    return f"cannot be loaded from the hub ({kind}: {error}), and is no folder here"


def _recordings(name: str, tables: "DatasetDict", split: Split) -> Iterator[Recording]:
    from datasets import Audio

    present = next((own for own in _SPLIT_NAMES[split] if own in tables), None)
    if present is None:
        log.warning("%s: has no %s split, only %s", name, split, ", ".join(tables))
        return
    rows = tables[present]
    if _AUDIO_COLUMN not in rows.column_names or not set(_TEXT_COLUMNS) & set(rows.column_names):
        raise ValueError(
            f"CommonVoiceDataset: dataset_name {name} must have a column {_AUDIO_COLUMN} and one of "
            f"{', '.join(_TEXT_COLUMNS)}, it has {', '.join(rows.column_names)}"
        )
    rows = rows.cast_column(_AUDIO_COLUMN, Audio(decode=False))
    known = rows.select_columns([column for column in rows.column_names if column != _AUDIO_COLUMN])
    for index, row in enumerate(known):
        identity = Path(str(row.get("path") or f"{present}-{index:07d}")).name
        text, speaker = _first(row, _TEXT_COLUMNS), _first(row, _SPEAKER_COLUMNS)
        attributes = speaker_attributes(row)
        yield Recording(identity, HubClip(rows, index), text=text, speaker=speaker, attributes=attributes)


def _first(row: dict[str, Any], columns: Sequence[str]) -> str | None:
    value = next((row[column] for column in columns if row.get(column)), None)
    return None if value is None else str(value)

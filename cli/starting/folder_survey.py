"""What a folder of recordings holds: splits, seconds, speakers, texts and the phonemes of its labels."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dataset_modules.base_dataset import SPLITS, Split
from dataset_modules.cache.clip_preparation import check_names
from dataset_modules.custom import CustomAudioDataset
from dataset_modules.labels.reading import read_labels
from dataset_modules.recording import AudioError, Recording, UnusableAudio, said_in
from dataset_modules.sources.annotations.audio_header import HIGHEST_RATE, UNSTATED_FRAMES, read_header
from dataset_modules.sources.annotations.audio_part import AudioPart
from dataset_modules.sources.audio import read_clip
from dataset_modules.sources.packed_recordings import PackedRecordings
from dataset_modules.sources.shares import SplitBy, divided
from evaluation.intervals import FEWEST_UNITS
from phonetics.label_counts import LabelCounts

_UNSTATED_SECONDS = UNSTATED_FRAMES / HIGHEST_RATE
_MEASURED = 400  # recordings whose lengths are read; the others are taken to be as long on average
_FEW_SPEAKERS = 10  # of fewer, a share may be none
_HELD_OUT = (0.1, 0.15, 0.2, 0.25, 0.3)  # the first that allows intervals, else that leaves no split empty


@dataclass
class FolderSurvey:
    """The content of a folder, and the splits that it needs."""

    dataset_options: dict[str, Any]
    counts: dict[Split, int]
    train_seconds: float
    speakers: int
    texts: Sequence[str]  # of the training recordings
    labels: LabelCounts = field(default_factory=LabelCounts)
    has_phonemes: bool = False  # whether labels are phonemes, and not only texts
    tiers: str = ""  # of label files, by their use
    faults: Sequence[str] = ()  # of recordings whose table or label file cannot be used

    @property
    def small_splits(self) -> list[Split]:
        """The splits to evaluate on that have too few recordings for an interval."""
        return [split for split in SPLITS if split != "train" and self.counts[split] < FEWEST_UNITS]

    @property
    def mean_seconds(self) -> float:
        """The mean length of a training recording."""
        return self.train_seconds / max(self.counts["train"], 1)


def survey_folder(
    folder: Path, language: str, extensions: Sequence[str], labels: Mapping[str, Any] = MappingProxyType({})
) -> FolderSurvey:
    """Look at a folder; a ``ValueError`` names what cannot be used."""
    data = CustomAudioDataset(language, folder, allowed_extensions=extensions, validation_split=0.0, **labels)
    data.load_data()
    options: dict[str, Any] = {
        "train_val_dir": str(folder),
        "allowed_extensions": _extensions_of(data, extensions),
        **labels,
    }
    speakers = {one.speaker for split in SPLITS for one in data.splits[split] if one.speaker}
    shares = _shares(data, len(speakers))
    options |= shares
    data.splits = {**data.splits, **_held_out(data, shares)}
    data.check_texts()
    counts = {split: len(data.splits[split]) for split in SPLITS}
    if not counts["train"]:
        raise ValueError(f"{folder}: there must be recordings to train on, there are none; {counts}")
    texts = list(dict.fromkeys(one.text for one in data.splits["train"] if one.text and not one.phonemes))
    survey = FolderSurvey(options, counts, _seconds(data.splits["train"]), len(speakers), texts)
    survey.has_phonemes = any(one.phonemes or said_in(one) for split in SPLITS for one in data.splits[split])
    survey.tiers = data.label_summary.tiers_in_words()
    survey.faults = _faults(data)
    for split in SPLITS:
        for label in read_labels(data, split):
            if label.phonemes:
                survey.labels.add(label.phonemes, label.place)
    if not survey.labels.num_labels:
        advice = (
            "write metadata.csv with the columns file_name and text (or phonemes), or a text file beside "
            "each recording"
        )
        raise ValueError(
            f"{folder}: recordings must have labels, none has one; {next(iter(survey.faults), advice)}"
        )
    return survey


def _faults(data: CustomAudioDataset) -> list[str]:
    """Describe the recordings whose table or label file is at fault."""
    faults = (_fault_of(one) for split in SPLITS for one in data.splits[split])
    return [fault for fault in faults if fault]


def _fault_of(recording: Recording) -> str:
    if isinstance(recording.audio, UnusableAudio):
        return f"{recording.id}: {recording.audio.reason}"
    try:
        check_names(recording)
    except AudioError as error:
        return f"{recording.id}: {error}"
    return ""


def _extensions_of(data: CustomAudioDataset, known: Sequence[str]) -> list[str]:
    """Return the extensions that occur, the most frequent first."""
    paths = (_path_of(one) for split in SPLITS for one in data.splits[split])
    found = Counter(path.suffix.lower() for path in paths if path)
    return [suffix for suffix, _ in found.most_common() if suffix in known] or list(known)


def _path_of(recording: Recording) -> Path | None:
    audio = recording.audio
    return audio if isinstance(audio, Path) else audio.path if isinstance(audio, AudioPart) else None


def _shares(data: CustomAudioDataset, num_speakers: int) -> dict[str, Any]:
    """Return the shares to hold out where the folder does not state a split."""
    stated: list[Split] = [split for split in ("val", "test") if data.splits[split]]
    ways: list[SplitBy] = ["speaker", "recording"] if num_speakers >= _FEW_SPEAKERS else ["recording"]
    choices = list(product(ways, (FEWEST_UNITS, 1), _HELD_OUT)) if len(stated) < 2 else []
    for by, fewest, share in choices:
        val, test = (0.0 if split in stated else share for split in ("val", "test"))
        parts = divided(data.splits["train"], val=val, test=test, by=by)
        if all(len(parts[split]) >= fewest or split in stated for split in SPLITS):
            return {"validation_split": val, "test_split": test, "split_by": by}
    val, test = (0.0 if split in stated else _HELD_OUT[0] for split in ("val", "test"))
    return {"validation_split": val, "test_split": test, **({"split_by": "recording"} if choices else {})}


def _held_out(data: CustomAudioDataset, shares: Mapping[str, Any]) -> dict[Split, PackedRecordings]:
    """Divide the training recordings as a data set with these shares would; stated splits stay."""
    val, test, by = shares["validation_split"], shares["test_split"], shares.get("split_by", "speaker")
    parts = divided(data.splits["train"], val=val, test=test, by=by)
    return {split: part for split, part in parts.items() if part or split == "train"}


def _seconds(recordings: Sequence[Recording] | Iterable[Recording]) -> float:
    """Return the seconds of recordings, from the lengths of some of them."""
    total = sum(1 for _ in recordings)
    step = max(total // _MEASURED, 1)
    measured = [_length(one) for one in islice(recordings, 0, None, step)]
    return sum(measured) / max(len(measured), 1) * total


def _length(recording: Recording) -> float:
    audio = recording.audio
    try:
        if isinstance(audio, AudioPart) and audio.end is not None:
            return audio.end - audio.start
        if path := _path_of(recording):
            seconds = read_header(path).seconds
            if 0 < seconds < _UNSTATED_SECONDS:
                return seconds - getattr(audio, "start", 0.0)
        clip = read_clip(audio)  # the header of a file from a pipe states no length
        return len(clip.waveform) / clip.sampling_rate
    except AudioError:
        return 0.0

"""A user's recordings: a folder of audio files with a manifest, or with labels beside them."""

import itertools
import logging
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dataset_modules.base_dataset import ListedDataset
from dataset_modules.recording import SPLITS, Recording, Split
from dataset_modules.sources.annotations.contract import LabelKind
from dataset_modules.sources.annotations.options import (
    LabelFormat,
    LabelOptions,
    SpeakerSource,
    UnknownSpeech,
)
from dataset_modules.sources.annotations.summary import LabelSummary
from dataset_modules.sources.folders.audio_folder import FolderReader, suffixes_in
from dataset_modules.sources.folders.corpus_listings import find_listings, read_listings
from dataset_modules.sources.folders.listed_rows import StatedRecording
from dataset_modules.sources.folders.sound_folders import check_recordings_are_there
from dataset_modules.sources.manifest import find_manifest
from dataset_modules.sources.packed_recordings import PackedRecordings
from dataset_modules.sources.shares import SplitBy, check_share, divided

log = logging.getLogger(__name__)

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]+)*$")  # the name of a language's folder
_EXAMPLES = 5  # folders named in a message


class CustomAudioDataset(ListedDataset):
    """Recordings in ``<folder>/<language>``, or in the folder itself if there is no such subfolder.

    Labels come from the first of these that is there: the folder's manifest (``metadata.csv``, ``.tsv`` or
    ``.jsonl`` with ``file_name``, ``phonemes`` and/or ``text``, and optionally ``start``, ``end``,
    ``speaker`` and ``split``); folders of Kaldi (``wav.scp``), or JSON lines with ``audio_filepath``, which
    may name audio anywhere; a file beside the audio (``.TextGrid``, ``.eaf``, ``.ctm``, ``.phn``,
    ``.ipa``, ``.lab``, ``.txt``). Splits of the manifest are kept; if it names no validation recordings,
    ``validation_split`` takes them from the training recordings. Labels with times cut long recordings
    into clips.

    Args:
        language: the recordings' language; null takes the data section's.
        train_val_dir: the folder with recordings to train and validate on.
        test_dir: a similar folder that holds only test data; null takes the manifest's test recordings.
        allowed_extensions: the suffixes of audio files.
        multiply_train_data: how many more times each training recording occurs.
        add_val_to_train: whether to train on the validation recordings too.
        validation_split: the share of speakers (of recordings, if speakers are unknown) to validate on;
            added recordings do not change the choice.
        test_split: a similar share to test on, where neither the manifest nor ``test_dir`` has test
            recordings.
        split_by: whether these shares keep speakers whole, or divide recordings (for one or few speakers).
        label_format: the source of labels, where a folder has several; null takes the first that is there.
        label_kind: whether labels are phonemes or text; null decides by names of tiers and by content.
        label_tier: the tier of labels, by name, linguistic type or a pattern such as ``* - phones``; null
            takes phones, else utterances, else words, else the only tier.
        clip_tier: the tier whose intervals are the clips; null takes a tier of utterances, if there is one.
        word_tier: the tier whose intervals divide phonemes into words; null takes a tier of words, if there
            is one.
        label_dir: the folder of label files, arranged as the recordings are; null looks beside the audio.
        speaker_from: the source of speakers that no table names: ``labels`` (tiers, participants), the name
            of each ``file``, or the name of its ``folder``.
        unknown_speech: what becomes of speech that labels mark as unknown (``spn``, ``<unk>``, ``<usb>``):
            ``cut`` takes it out of its clip, ``skip`` leaves the clip out, ``pause`` takes it for a pause.
        options: the further arguments of ``BaseDataset``.
    """

    def __init__(
        self,
        language: str | None = None,
        train_val_dir: str | Path = "data/my_recordings",
        test_dir: str | Path | None = None,
        allowed_extensions: Sequence[str] = (".wav",),
        multiply_train_data: int = 0,
        add_val_to_train: bool = False,
        validation_split: float = 0.1,
        test_split: float = 0.0,
        split_by: SplitBy = "speaker",
        label_format: LabelFormat | None = None,
        label_kind: LabelKind | None = None,
        label_tier: str | None = None,
        clip_tier: str | None = None,
        word_tier: str | None = None,
        label_dir: str | Path | None = None,
        speaker_from: SpeakerSource = "labels",
        unknown_speech: UnknownSpeech = "cut",
        **options: Any,  # noqa: ANN401 - jsonargparse reads these from BaseDataset and checks their types
    ) -> None:
        super().__init__(language=language, **options)
        check_share("CustomAudioDataset", validation_split=validation_split, test_split=test_split)
        if not allowed_extensions or not all(extension.startswith(".") for extension in allowed_extensions):
            raise ValueError(
                f"CustomAudioDataset: allowed_extensions must be a list such as ['.wav', '.flac'], "
                f"got {allowed_extensions!r}"
            )
        if multiply_train_data < 0:
            raise ValueError(
                f"CustomAudioDataset: multiply_train_data must be 0 or more, got {multiply_train_data}"
            )
        self.train_val_dir = Path(train_val_dir).expanduser()
        self.test_dir = Path(test_dir).expanduser() if test_dir is not None else None
        self.allowed_extensions = tuple(extension.lower() for extension in allowed_extensions)
        self.multiply_train_data = multiply_train_data
        self.add_val_to_train = add_val_to_train
        self.validation_split = validation_split
        self.test_split = test_split
        self.split_by: SplitBy = split_by
        self.labels = LabelOptions(
            label_format,
            label_kind,
            label_tier,
            clip_tier,
            Path(label_dir).expanduser() if label_dir is not None else None,
            speaker_from,
            longest_seconds=math.inf if self.max_seconds is None else self.max_seconds,
            unknown_speech=unknown_speech,
            word_tier=word_tier,
        )
        self.label_summary: LabelSummary = LabelSummary()
        self._is_divided = False  # by speaker rather than by the manifest

    def load_data(self, create_dataset: bool = False) -> None:
        """Find the files and read their labels, once; the cache reads the audio later."""
        if self.splits:
            return
        folder = self._language_folder("train_val_dir", self.train_val_dir)
        test_folder = self._language_folder("test_dir", self.test_dir) if self.test_dir else None
        if test_folder and test_folder.resolve() == folder.resolve():
            raise ValueError(
                f"CustomAudioDataset: test_dir must be another folder than train_val_dir, both are {folder}; "
                f"leave test_dir null to test on the recordings whose split is test in the manifest"
            )
        own: dict[Split, PackedRecordings] = {split: PackedRecordings() for split in SPLITS}
        for recording, split in self._read("train_val_dir", folder, excluded=test_folder):
            own[split or "train"].append(recording)
        if test_folder is not None:
            own["test"] = self._test(own["test"], test_folder, folder)
        self.splits = self._filled(own)

    def get_train_data(self) -> Iterable[Recording]:
        """Yield the training recordings and the copies of them that are configured."""
        validation = self.splits["val"] if self.add_val_to_train else ()
        yield from itertools.chain(self.splits["train"], validation)
        copies = range(1, self.multiply_train_data + 1)
        for recording in itertools.chain(self.splits["train"], validation) if copies else ():
            for number in copies:
                yield recording._replace(id=f"{recording.id}#{number}")

    def times_used(self, split: Split) -> int:
        """Return one, and for training the configured copies as well."""
        return 1 + self.multiply_train_data if split == "train" else 1

    def why_empty(self, split: Split) -> str:
        """Explain that few undivided speakers may all be in one split."""
        other: Split = "val" if split == "train" else "train"
        recordings = self.splits[other]
        if split == "test" or not self._is_divided or not recordings:
            return ""
        speakers = len({recording.speaker or recording.id for recording in recordings})
        return (
            f"CustomAudioDataset: validation_split={self.validation_split} keeps speakers whole, and all "
            f"{speakers} here fell to {other}; it needs more speakers, or splits in the manifest"
        )

    def _language_folder(self, key: str, parent: Path) -> Path:
        check_recordings_are_there(key, parent)
        names = [self.language, self.language.split("-")[0]] if self.language else []
        for name in names:  # espeak's language is en-us, the folder's name is en
            if (parent / name).is_dir():
                return parent / name
        others = sorted(
            path.name for path in parent.iterdir() if path.is_dir() and _LANGUAGE.match(path.name)
        )
        if others and find_manifest(parent) is None:
            log.warning(
                "CustomAudioDataset: %s has no folder for the language %s, so all below it is taken, "
                "%s among it; manifests in there are not read. Name the language as its folder, or give the "
                "folder itself as %s",
                parent,
                self.language,
                ", ".join(others[:_EXAMPLES]),
                key,
            )
        return parent

    def _read(self, key: str, folder: Path, excluded: Path | None) -> Iterator[StatedRecording]:
        """Yield the recordings of a folder; a folder without any is refused."""
        found = None
        labels = self.labels._replace(language=self.language, folder=self._label_folder(folder))
        summary = self.label_summary
        if listings := find_listings(folder, labels):
            recordings = read_listings(listings, labels, summary)
        else:
            recordings = FolderReader(folder, self.allowed_extensions, excluded, labels, summary).read()
        for found in recordings:
            yield found
        if found is None:
            raise ValueError(
                f"CustomAudioDataset: {key} must hold recordings ({', '.join(self.allowed_extensions)}), "
                f"{folder} holds {suffixes_in(folder) or 'nothing'}; allowed_extensions says what counts"
            )

    def _label_folder(self, folder: Path) -> Path | None:
        """Return the folder of a folder's label files; it may have a sub-folder of the same name."""
        labels = self.labels.folder
        if labels is None:
            return None
        if not labels.is_dir():
            raise ValueError(
                f"CustomAudioDataset: label_dir must be a folder of label files, {labels} is not"
            )
        return labels / folder.name if (labels / folder.name).is_dir() else labels

    def _filled(self, own: dict[Split, PackedRecordings]) -> dict[Split, PackedRecordings]:
        """Take the recordings of splits that nobody states from the training recordings."""
        val_share = 0.0 if own["val"] else self.validation_split
        test_share = 0.0 if own["test"] else self.test_split
        if not val_share and not test_share:
            return own
        self._is_divided = self.split_by == "speaker"
        parts = divided(own["train"], val=val_share, test=test_share, by=self.split_by)
        filled = {**own, "train": parts["train"]} | {split: parts[split] for split in parts if parts[split]}
        asked = {"val": val_share, "test": test_share}
        if missing := [split for split in filled if not filled[split] and asked.get(split, 1)]:
            log.warning(
                "CustomAudioDataset: validation_split=%s and test_split=%s of the %ss leave no recording "
                "for %s; %s, or state splits in the manifest",
                *(val_share, test_share, self.split_by, " and ".join(missing)),
                "set split_by: recording" if self.split_by == "speaker" else "raise the share",
            )
        return filled

    def _test(self, called_test: PackedRecordings, test_folder: Path, folder: Path) -> PackedRecordings:
        if called_test:
            log.warning(
                "CustomAudioDataset: %d recordings that the manifest in %s calls test are left out: "
                "test_dir is given",
                *(len(called_test), folder),
            )
        read = self._read("test_dir", test_folder, excluded=folder)
        return PackedRecordings(recording for recording, _ in read)

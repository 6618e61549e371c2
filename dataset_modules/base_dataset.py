"""The seam for data: subclass ``BaseDataset``, say which recordings there are, and the rest is done."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from dataset_modules.cache import ClipCache, PreparedSplit
from dataset_modules.contract import AudioParams
from dataset_modules.preparation import PreparationSettings
from dataset_modules.recording import AudioError, Recording
from phonetics import GraphemeToPhoneme, IpaNormaliser, StoredPhonemes, TextToPhonemes, backend_for

log = logging.getLogger(__name__)

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
_EXAMPLES = 5  # faults quoted in a message
_PHONEMES_FILE = "phonemes.sqlite3"  # in the cache's folder


class BaseDataset(ABC):
    """Recordings in three splits. Subclasses implement the four abstract methods.

    Caching, resampling, text to phonemes, loading, augmentation and batching follow from them.

    Args:
        cache_dir: where prepared clips are kept.
        language: of the recordings; null takes the data section's.
        audio_params: must agree with the configuration's; null takes it.
        text_to_phonemes: how texts become phonemes: espeak, epitran, none (the data brings phonemes), or
            a backend by class_path; null takes the data section's.
        max_skipped_share: the share of unusable recordings above which preparing is an error.
        normalisation: how phonemes are spelled; null takes the data section's.
    """

    def __init__(
        self,
        cache_dir: str | Path = "./data/cache",
        language: str | None = None,
        audio_params: AudioParams | None = None,
        text_to_phonemes: TextToPhonemes | None = None,
        max_skipped_share: float = 0.1,
        normalisation: IpaNormaliser | None = None,
    ) -> None:
        self.cache_dir = Path(cache_dir)
        self.language = language
        self.audio_params = audio_params
        self.text_to_phonemes = text_to_phonemes
        self.max_skipped_share = max_skipped_share
        self.normalisation = normalisation

    @abstractmethod
    def load_data(self, create_dataset: bool = False) -> None:
        """Find (or fetch, or make) what the getters below speak of; called before them."""

    @abstractmethod
    def get_train_data(self) -> Iterable[Recording]:
        """The recordings to learn from."""

    @abstractmethod
    def get_val_data(self) -> Iterable[Recording]:
        """The recordings to choose checkpoints by."""

    @abstractmethod
    def get_test_data(self) -> Iterable[Recording]:
        """The recordings to report on."""

    def recordings(self, split: Split) -> list[Recording]:
        """The recordings of a split, with this data set's language where they state none."""
        getters = {"train": self.get_train_data, "val": self.get_val_data, "test": self.get_test_data}
        return [
            recording if recording.language else recording._replace(language=self.language)
            for recording in getters[split]()
        ]

    def prepare(
        self, split: Split, audio_params: AudioParams, *, num_proc: int = 1, rebuild: bool = False
    ) -> PreparedSplit:
        """The prepared clips of a split: from the cache, or built into it."""
        recordings = self.recordings(split)
        settings = self.preparation_settings(recordings, audio_params)
        cache = ClipCache(self.cache_dir, settings, num_proc)
        prepared = cache.open_or_build(f"{type(self).__name__}-{split}", recordings, rebuild=rebuild)
        self._report_skipped(split, prepared, len(recordings))
        return prepared

    def take_defaults(
        self, language: str | None, text_to_phonemes: TextToPhonemes, normalisation: IpaNormaliser | None
    ) -> None:
        """Fill in what this data set leaves to the data section."""
        self.language = self.language or language
        self.text_to_phonemes = self.text_to_phonemes or text_to_phonemes
        self.normalisation = self.normalisation or normalisation

    def check_texts(self, splits: Iterable[Split] = SPLITS) -> None:
        """Refuse a language or a backend that cannot turn the texts into phonemes, before audio is read."""
        recordings = [recording for split in splits for recording in self.recordings(split)]
        if backend := self.backend_of(recordings):
            backend.check(text.text or "" for text in _texts(recordings))

    def preparation_settings(
        self, recordings: list[Recording], audio_params: AudioParams
    ) -> PreparationSettings:
        """How recordings become clips; text needs a backend only where there is text without phonemes."""
        backend = self.backend_of(recordings)
        return PreparationSettings(
            sampling_rate=audio_params.sampling_rate,
            normalise=self.normalisation or IpaNormaliser(),
            to_phonemes=StoredPhonemes(backend, self.cache_dir / _PHONEMES_FILE) if backend else None,
        )

    def backend_of(self, recordings: Iterable[Recording]) -> GraphemeToPhoneme | None:
        """What turns these recordings' texts into phonemes; None where no label is made of a text."""
        languages = {text.language for text in _texts(recordings)}
        if not languages:
            return None
        known = sorted(language for language in languages if language)
        backend = backend_for(self.text_to_phonemes or "espeak", known[0] if known else None)
        if backend and (len(languages) > 1 or backend.needs_language()):
            raise ValueError(
                f"{type(self).__name__}: language must be given to turn texts into phonemes, one for all "
                f"of a data set, such as ru or en-us; got {known or None}"
            )
        return backend

    def _report_skipped(self, split: Split, prepared: PreparedSplit, total: int) -> None:
        num_skipped = total - len(prepared.clips)  # ids may repeat, and the reasons are kept by id
        if not num_skipped:
            return
        examples = "; ".join(f"{key}: {why}" for key, why in list(prepared.skipped.items())[:_EXAMPLES])
        message = f"{type(self).__name__}: {num_skipped} of {total} {split} recordings skipped: {examples}"
        if num_skipped > self.max_skipped_share * total:
            raise AudioError(f"{message}; more than max_skipped_share={self.max_skipped_share} allows")
        log.warning("%s", message)


def _texts(recordings: Iterable[Recording]) -> list[Recording]:
    """Those whose labels have to be made from their text."""
    return [recording for recording in recordings if recording.phonemes is None and recording.text]

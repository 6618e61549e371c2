"""The base of every data set: subclass ``BaseDataset`` and name the recordings of each split."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.cache.clip_cache import ClipCache, PreparedSplit
from dataset_modules.cache.clip_preparation import PreparationSettings
from dataset_modules.cache.clip_store import AudioStorage
from dataset_modules.recording import SPLITS, Recording, Split, needing_phonemes
from dataset_modules.sources.annotations.summary import LabelSummary
from dataset_modules.sources.recording_survey import StatedRecordings, survey
from dataset_modules.sources.shares import check_share
from phonetics import GraphemeToPhoneme, IpaNormaliser, StoredPhonemes, TextToPhonemes, backend_for
from phonetics.languages import check_language

if TYPE_CHECKING:  # the doctor of labels, the starter and others do without audiomentations
    from dataset_modules.augmentations.nesting import Transform

__all__ = ["SPLITS", "BaseDataset", "ListedDataset", "Split"]

_PHONEMES_FILE = "phonemes.sqlite3"  # in the cache's folder


class BaseDataset(ABC):
    """Recordings in three splits. Subclasses implement the four abstract methods.

    The base class adds caching, resampling, text to phonemes, loading, augmentation and batching. A
    subclass passes these arguments on as ``**options``, and the configuration accepts them by name.

    Args:
        cache_dir: the folder that keeps prepared clips.
        language: the recordings' language, such as ru or en-us; null takes the data section's.
        audio_params: must agree with the configuration's; null takes the configuration's.
        text_to_phonemes: the backend that converts texts to phonemes: espeak, epitran, none (the data
            bring phonemes), or a class_path; null takes the data section's.
        max_skipped_share: the share of unusable recordings above which a run stops; null stops it above a
            tenth of them, but allows 20 recordings where that is more, and never more than half.
        normalisation: the spelling of phonemes; null takes the data section's.
        min_seconds: shorter recordings are skipped.
        max_seconds: longer recordings are skipped; null sets no limit.
        silence_db: recordings whose peak lies below this (dB of full scale) are skipped as silent; null
            keeps them.
        comes_first: whether the first epoch begins with this data set alone, such as clear synthetic speech
            before recordings; for batches of ``batch_size``.
        augmented: whether ``data.augmentations`` change this data set's training clips.
        augmentations: transforms for this data set's training clips alone, before ``data.augmentations``.
        weight: how many times as likely each of this data set's clips is drawn, under ``data.sampling``.
        audio_storage: the format of prepared samples: ``pcm16``, or ``flac``, which takes less disk space
            and more time to read. Both give the same samples.
    """

    def __init__(
        self,
        cache_dir: str | Path = "./data/cache",
        language: str | None = None,
        audio_params: AudioParams | None = None,
        text_to_phonemes: TextToPhonemes | None = None,
        max_skipped_share: float | None = None,
        normalisation: IpaNormaliser | None = None,
        min_seconds: float = 0.1,
        max_seconds: float | None = 30.0,
        silence_db: float | None = -60.0,
        audio_storage: AudioStorage = "pcm16",
        comes_first: bool = False,
        augmented: bool = True,
        augmentations: "list[Transform] | None" = None,
        weight: float = 1.0,
    ) -> None:
        self.cache_dir = Path(cache_dir)
        self.language = language
        self.audio_params = audio_params
        self.text_to_phonemes = text_to_phonemes
        self.max_skipped_share = max_skipped_share
        self.normalisation = normalisation
        self.min_seconds = min_seconds
        self.max_seconds = max_seconds
        self.silence_db = silence_db
        self.audio_storage: AudioStorage = audio_storage
        self.comes_first = comes_first
        self.augmented = augmented
        self.augmentations = augmentations
        self.weight = weight
        self._check_limits()

    label_summary: LabelSummary | None = None  # of data sets that find their labels in files
    is_synthetic = False  # whether the audio is synthesised

    @abstractmethod
    def load_data(self, create_dataset: bool = False) -> None:
        """Find, fetch or create the recordings; called before the getters below."""

    @abstractmethod
    def get_train_data(self) -> Iterable[Recording]:
        """Return the recordings to train on."""

    @abstractmethod
    def get_val_data(self) -> Iterable[Recording]:
        """Return the recordings that checkpoints are compared on."""

    @abstractmethod
    def get_test_data(self) -> Iterable[Recording]:
        """Return the recordings that the final error rates come from."""

    def recordings(self, split: Split) -> Iterable[Recording]:
        """Return a split's recordings; those without a language take this data set's."""
        getters = {"train": self.get_train_data, "val": self.get_val_data, "test": self.get_test_data}
        return StatedRecordings(getters[split], self.language)

    def times_used(self, split: Split) -> int:
        """Return how often each recording of a split occurs; all recordings come once before any copy."""
        return 1

    def why_empty(self, split: Split) -> str:
        """Explain in one sentence why a split is empty and how to fill it; an empty text adds nothing."""
        return ""

    def prepare(
        self, split: Split, audio_params: AudioParams, *, num_proc: int = 1, rebuild: bool = False
    ) -> PreparedSplit:
        """Return the prepared clips of a split; build the cache if they are missing."""
        recordings = self.recordings(split)
        surveyed = survey(recordings)
        settings = self.preparation_settings(surveyed.languages_of_texts, audio_params)
        cache = ClipCache(self.cache_dir, settings, num_proc)
        return cache.open_or_build(f"{type(self).__name__}-{split}", recordings, surveyed, rebuild=rebuild)

    def take_defaults(
        self, language: str | None, text_to_phonemes: TextToPhonemes, normalisation: IpaNormaliser | None
    ) -> None:
        """Take the data section's values for arguments that are null here."""
        self.language = self.language or language
        if self.language is not None:
            check_language(type(self).__name__, self.language)
        self.text_to_phonemes = self.text_to_phonemes or text_to_phonemes
        self.normalisation = self.normalisation or normalisation

    def check_texts(self, splits: Iterable[Split] = SPLITS) -> None:
        """Raise ``ValueError`` for texts that no backend can convert to phonemes, before audio is read."""
        for split in splits:
            recordings = self.recordings(split)
            if backend := self.backend_of(recordings):
                backend.check(recording.text or "" for recording in needing_phonemes(recordings))

    def preparation_settings(
        self, languages_of_texts: Set[str | None], audio_params: AudioParams
    ) -> PreparationSettings:
        """Return the settings that turn recordings into clips."""
        backend = self._backend_for(languages_of_texts)
        return PreparationSettings(
            sampling_rate=audio_params.sampling_rate,
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds,
            silence_db=self.silence_db,
            audio_storage=self.audio_storage,
            normalise=self.normalisation or IpaNormaliser(),
            to_phonemes=StoredPhonemes(backend, self.cache_dir / _PHONEMES_FILE) if backend else None,
        )

    def backend_of(self, recordings: Iterable[Recording]) -> GraphemeToPhoneme | None:
        """Return the backend for these recordings' texts; None if no label is made from a text."""
        return self._backend_for({recording.language for recording in needing_phonemes(recordings)})

    def _backend_for(self, languages: Set[str | None]) -> GraphemeToPhoneme | None:
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

    def _check_limits(self) -> None:
        owner, shortest, longest = type(self).__name__, self.min_seconds, self.max_seconds
        if self.max_skipped_share is not None:
            check_share(owner, max_skipped_share=self.max_skipped_share)
        if shortest < 0 or (longest is not None and longest <= shortest):
            raise ValueError(
                f"{owner}: min_seconds must be 0 or more and max_seconds must be larger (or null), "
                f"got {shortest} and {longest}"
            )
        if self.silence_db is not None and self.silence_db > 0:
            raise ValueError(
                f"{owner}: silence_db must be 0 or less (dB of full scale) or null, got {self.silence_db}"
            )


class ListedDataset(BaseDataset):
    """A data set whose ``load_data`` lists the recordings of every split in ``splits``."""

    splits: Mapping[Split, Sequence[Recording]] = {}  # empty until the recordings are listed

    def get_train_data(self) -> Iterable[Recording]:
        """Return the recordings to train on."""
        return self.splits["train"]

    def get_val_data(self) -> Iterable[Recording]:
        """Return the recordings that checkpoints are compared on."""
        return self.splits["val"]

    def get_test_data(self) -> Iterable[Recording]:
        """Return the recordings that the final error rates come from."""
        return self.splits["test"]

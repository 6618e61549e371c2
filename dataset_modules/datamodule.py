"""Data sets → batches, as Lightning asks for them."""

import hashlib
import logging
import os
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from dataset_modules.augmentations import AugmentationPipeline, Transform
from dataset_modules.augmentations.failures import FailureReport
from dataset_modules.augmentations.sound_store import SoundStore
from dataset_modules.base_dataset import SPLITS, BaseDataset, Split
from dataset_modules.batches.batch import AudioParams, ModelInterface
from dataset_modules.batches.clip_dataset import ClipDataset, Example
from dataset_modules.batches.collate import Collator
from dataset_modules.batches.encoder_features import EncodedClips, every_clip
from dataset_modules.batches.limit import BatchLimit
from dataset_modules.batches.position import check_place, epoch_to_come, has_several_epochs, trained_batches
from dataset_modules.batches.sampler import LengthBucketSampler
from dataset_modules.cache.clip_cache import PreparedSplit
from dataset_modules.cache.encoder_states import EncoderStateCache
from dataset_modules.labels.encoder import LabelEncoder, UnknownPhonemePolicy
from dataset_modules.labels.skipping import SplitPart, check_any_left, check_skipped, warn_of_skipped
from dataset_modules.labels.usable_clips import ClipSubset, EncodedLabels, usable_clips
from dataset_modules.recording import AudioError
from dataset_modules.sources.data_sources import DataSources
from phonetics import IpaNormaliser, TextToPhonemes, Vocabulary

log = logging.getLogger(__name__)

_PREFETCHED_BATCHES = 4  # per worker
_FOUND = "found_batch_seconds"
_SPLITS_OF_STAGE: dict[str, tuple[Split, ...]] = {
    "fit": SPLITS,  # training says what is left out of any
    "validate": ("val",),
    "test": ("test",),
    "predict": ("test",),
}


class PhonemeDataModule(LightningDataModule):
    """The data section of the configuration.

    Args:
        dataset_classes: the data sets; their splits are concatenated.
        vocab_file: the vocabulary; filled in from the model section.
        language: of data sets that name none.
        batch_size: utterances per batch and device.
        max_batch_seconds: padded seconds of audio per batch and device, instead of ``batch_size``;
            ``auto`` finds what the device holds by trying the longest batches first.
        num_workers: processes that read and augment.
        num_proc: processes that prepare the cache.
        create_dataset: build the cache anew; the old one stays until the new one is whole.
        audio_params: must agree with the configuration's; null takes it.
        augmentations: transforms for the training split, applied in order.
        unknown_phonemes: what becomes of phonemes outside the vocabulary: ``skip`` leaves their recordings
            out, ``refuse`` stops, ``map_to_unknown`` and ``drop`` change the labels.
        seed: of order and augmentation; null takes the run's.
        text_to_phonemes: of data sets that name none: espeak, epitran, none, or a backend by class_path.
        normalisation: how phonemes are spelled, of data sets that say nothing of it.
    """

    def __init__(
        self,
        dataset_classes: list[BaseDataset],
        vocab_file: str | Path = "",
        language: str | None = None,
        batch_size: int = 8,
        max_batch_seconds: float | Literal["auto"] | None = None,
        num_workers: int = 0,
        num_proc: int = 1,
        create_dataset: bool = False,
        audio_params: AudioParams | None = None,
        augmentations: list[Transform] | None = None,
        unknown_phonemes: UnknownPhonemePolicy = "skip",
        seed: int | None = None,
        text_to_phonemes: TextToPhonemes = "espeak",
        normalisation: IpaNormaliser | None = None,
    ) -> None:
        super().__init__()
        _check_counts(batch_size=batch_size, num_proc=num_proc)
        if num_workers < 0:
            raise ValueError(f"data: num_workers must not be negative, got {num_workers}")
        self.vocabulary = Vocabulary.from_file(vocab_file)
        self.sources = DataSources(dataset_classes, create_dataset=create_dataset)
        for dataset in dataset_classes:
            dataset.take_defaults(language, text_to_phonemes, normalisation)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.num_proc = num_proc
        self.audio_params = audio_params or AudioParams()
        self.encode = LabelEncoder(self.vocabulary, unknown_phonemes)
        self.model = ModelInterface()
        self.seed = int(os.environ.get("PL_GLOBAL_SEED", 0)) if seed is None else seed
        self.augment = AugmentationPipeline(augmentations, self.seed, num_workers) if augmentations else None
        self._failures = FailureReport(self.augment.ledger) if self.augment else None
        self._states: EncoderStateCache | None = None
        self.limit = BatchLimit(max_batch_seconds)
        self._stored_place: dict[str, Any] = {}
        self._prepared: set[Split] = set()
        self.splits: dict[Split, ClipDataset] = {}
        self.parts: list[SplitPart] = []
        self.fingerprints: dict[Split, list[str]] = {}

    def connect(self, model: ModelInterface) -> None:
        """Take what depends on the model: usable labels, cached features, the largest batch."""
        self.model = model

    def prepare_data(self) -> None:
        """Build what is missing in the cache, once per machine; training prepares the other splits, too."""
        stage = self.trainer.state.fn if self.trainer else None
        splits = _SPLITS_OF_STAGE[stage or "fit"]
        for split in splits:
            # Lightning calls this before every fit, validate and test; building anew once is enough.
            if split not in self._prepared:
                self._prepare(split, rebuild=self.sources.create_dataset)
                self._prepared.add(split)
        if "train" in splits:
            self.prepare_sounds()

    def setup(self, stage: str) -> None:
        """Open the splits that a stage needs; training looks at all, so that it says what is left out."""
        opened = [
            part
            for split in _SPLITS_OF_STAGE[stage]
            if split not in self.splits
            for part in self._open(split)
        ]
        if stage == "fit":  # all splits are judged together; one alone may have lost more
            check_skipped(opened)
        else:
            check_any_left(opened)
        if self._speaks:
            warn_of_skipped(opened)
        self.parts += opened
        self._states = None  # another run may bring another encoder
        if stage == "fit" and self.augment is not None:
            self.use_prepared_sounds()
            self.augment.warm_up(self.audio_params.sampling_rate)

    def prepare_sounds(self) -> None:
        """Bring what the augmentations mix in to the model's rate, once, into the first data set's cache."""
        if self.augment is not None:
            self._sounds.prepare(self.augment.sound_files(), self.num_proc)

    def prepare_encoder_states(self) -> None:
        """Compute what several runs will read of a frozen encoder, if it is to be kept."""
        for split in ("train", "val"):
            self._heard(split, is_heard_again=True)

    def use_prepared_sounds(self) -> None:
        """Let the augmentations read what ``prepare_sounds`` has left."""
        if self.augment is not None:
            self.augment.read_sounds_from(self._sounds.copies(self.augment.sound_files()))

    @property
    def _sounds(self) -> SoundStore:
        return SoundStore(self.sources.cache_dir / "sounds", self.audio_params.sampling_rate)

    def report_failures(self) -> None:
        """Say how many clips could not be augmented, over all readers and ranks, where that is news."""
        if self.trainer is not None and self._failures is not None:
            strategy = self.trainer.strategy
            self._failures.log_new(
                lambda counts: strategy.reduce(counts.to(strategy.root_device), reduce_op="sum"),
                self.splits["train"].id_of,
                is_first=self.trainer.is_global_zero,
            )

    def _prepare(self, split: Split, *, rebuild: bool = False) -> list[PreparedSplit]:
        return self.sources.prepare(split, self.audio_params, self.num_proc, rebuild=rebuild)

    def check_texts(self, stage: str) -> None:
        """Refuse texts that cannot be turned into phonemes, in the splits that a stage prepares."""
        self.sources.check_texts(_SPLITS_OF_STAGE[stage])

    def _open(self, split: Split) -> list[SplitPart]:
        parts = [
            SplitPart(dataset, split, part, usable_clips(part.clips, self.encode, self.model.num_frames))
            for dataset, part in zip(self.sources.datasets, self._prepare(split), strict=True)
        ]
        self.encode.check(sum((part.usable.unknown for part in parts), Counter[str]()))
        clips = [ClipSubset(part.prepared.clips, part.usable.indices) for part in parts]
        labels = EncodedLabels.joined([part.usable.labels for part in parts])
        augment = self.augment if split == "train" else None
        self.splits[split] = ClipDataset(
            clips, labels, augment, self.audio_params.sampling_rate, self.model.num_frames
        )
        self.fingerprints[split] = [part.prepared.fingerprint for part in parts]
        log.info("%s: %d clips, %.2f h", split, len(labels), self.hours(split))
        return parts

    def state_dict(self) -> dict[str, Any]:
        """What the place in the epoch depends on; the place itself is in the loops' counters.

        And what a continued run must not find out anew.
        """
        trainer = self.trainer
        return {
            **({_FOUND: self.limit.found} if self.limit.found else {}),
            "seed": self.seed,
            "batch_size": self.batch_size,
            "max_batch_seconds": self.limit.asked,
            "world_size": trainer.world_size if trainer else 1,
            "accumulate_grad_batches": trainer.accumulate_grad_batches if trainer else 1,
            **({"batch_seconds": self.batch_seconds("train")} if "train" in self.splits else {}),
            "data": self._identity("train") if "train" in self.splits else "",
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep it until the loader is asked for, when it is known where the epoch goes on."""
        self._stored_place = state_dict
        self.limit.found = state_dict.get(_FOUND)

    def hours(self, split: Split) -> float:
        """How much audio a split holds."""
        return float(self.splits[split].num_samples().sum()) / self.audio_params.sampling_rate / 3600

    def train_dataloader(self) -> DataLoader[Example]:
        """Shuffled, length-bucketed batches."""
        if not len(self.splits["train"]):
            raise AudioError(
                "data: the training split must hold recordings that can be used, it holds none; "
                "check dataset_classes"
            )
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Example]:
        """Batches sorted by length."""
        return self._loader("val", shuffle=False)

    def test_dataloader(self) -> DataLoader[Example]:
        """Batches sorted by length."""
        return self._loader("test", shuffle=False)

    def predict_dataloader(self) -> DataLoader[Example]:
        """The test split."""
        return self._loader("test", shuffle=False)

    def num_batches(self, split: Split) -> int | None:
        """Of an epoch and this process; None where a device is still to be asked what it holds."""
        if self.limit.is_open and self._on_cuda():
            return None
        return len(self.sampler(split, shuffle=split == "train")) if len(self.splits[split]) else 0

    def sampler(self, split: Split, *, shuffle: bool) -> LengthBucketSampler:
        """The batches of a split for this process."""
        trainer = self.trainer
        return LengthBucketSampler(
            self.splits[split].num_samples(),
            self.audio_params.sampling_rate,
            batch_size=self.batch_size,
            max_batch_seconds=self.batch_seconds(split),
            shuffle=shuffle,
            seed=self.seed,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
        )

    def batch_seconds(self, split: Split) -> float | None:
        """The limit of a batch in seconds as recorded, so that it holds for what is heard."""
        trainer = self.trainer
        if self.limit.is_open and trainer is not None and trainer.state.fn == "fit" and self._on_cuda():
            longest = int(self.splits["train"].num_samples().max(initial=1))
            self.limit.find(longest, self.audio_params.sampling_rate, self.model.fits, trainer)
        limit = self.limit.seconds
        if limit is None or self.augment is None or split != "train":
            return limit
        return limit / self.augment.longest_stretch

    def _loader(self, split: Split, *, shuffle: bool) -> DataLoader[Example]:
        clips = self._heard(split)
        sampler = self.sampler(split, shuffle=shuffle)
        seconds = self.batch_seconds(split)
        if shuffle and seconds is not None and self._speaks:
            self.limit.tell(self.splits[split].num_samples(), self.audio_params.sampling_rate, seconds)
        if shuffle and self.trainer:
            # On resume Lightning makes the first iterator before it announces the epoch.
            sampler.set_epoch(epoch_to_come(self.trainer))
            sampler.skip_batches = trained_batches(self.trainer)
            if sampler.skip_batches:
                check_place(self._stored_place, self.state_dict())
        return DataLoader(
            clips,
            batch_sampler=sampler,
            collate_fn=Collator(self.vocabulary.blank_id),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            prefetch_factor=_PREFETCHED_BATCHES if self.num_workers else None,
            pin_memory=self._on_cuda(),
        )

    @property
    def _speaks(self) -> bool:
        """Whether this is the process that speaks for all."""
        return self.trainer is None or self.trainer.is_global_zero

    def _on_cuda(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def _heard(self, split: Split, *, is_heard_again: bool = False) -> ClipDataset | EncodedClips:
        """What the model hears of a split: audio, or in training what its frozen part made of it.

        Args:
            split: of these clips.
            is_heard_again: whether there will be further runs; else this run's epochs count.
        """
        clips = self.splits[split]
        trainer = self.trainer
        if trainer is None or trainer.state.fn != "fit":
            return clips
        encoder = self.model.frozen_encoder() if len(clips) else None
        if encoder is None:
            return clips
        if self.augment is not None:
            if split == "train":
                log.info("encoder cache: not used: data.augmentations change the audio in every epoch")
            return clips
        pays = encoder.required or is_heard_again or has_several_epochs(trainer, self.num_batches("train"))
        if self._states is None:
            self._states = EncoderStateCache(self.sources.cache_dir / "encoder_states", encoder)
        batches = every_clip(clips, self.batch_size, self.vocabulary.blank_id, self.num_workers)
        states = self._states.open_or_build(
            split, self._identity(split), clips.num_samples(), batches if pays else None
        )
        if states is not None:
            return EncodedClips(clips, states)
        if split == "train" and not pays:
            log.info("encoder cache: not used: this run hears each clip once")
        return clips

    def _identity(self, split: Split) -> str:
        """Of the clips of a split and their order."""
        usable = [part.usable.indices.tobytes() for part in self.parts if part.split == split]
        digest = hashlib.sha256(b"|".join(usable))
        return f"{self.fingerprints[split]} {digest.hexdigest()}"


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"data: {name} must be at least 1, got {count}")

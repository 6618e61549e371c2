"""Data sets → batches: prepare the cache, open the splits, limit and load batches."""

import logging
import os
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from dataset_modules.augmentations import AugmentationPipeline, OwnTransforms, Transform
from dataset_modules.augmentations.sound_store import SoundStore
from dataset_modules.base_dataset import SPLITS, BaseDataset, Split
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.batch import ModelInterface
from dataset_modules.batches.clip_dataset import ClipDataset, Example
from dataset_modules.batches.encoder_features import EncodedClips, clips_once, with_features
from dataset_modules.batches.limit import BatchLimit
from dataset_modules.batches.loading import clip_loader
from dataset_modules.batches.loading_numbers import check_loading
from dataset_modules.batches.opened_split import clips_of, draws_of, leading_clips, parts_of
from dataset_modules.batches.position import has_several_epochs, set_position
from dataset_modules.batches.sampler import LengthBucketSampler
from dataset_modules.batches.sampling import GroupedDraws, Sampling, check_weights
from dataset_modules.cache.encoder_states import EncoderStateCache
from dataset_modules.labels import skipping
from dataset_modules.labels.encoder import LabelEncoder, UnknownPhonemePolicy
from dataset_modules.recording import AudioError
from dataset_modules.sources.data_sources import DataSources
from phonetics import IpaNormaliser, TextToPhonemes, Vocabulary
from wording import number_of

log = logging.getLogger(__name__)

_FOUND = "found_batch_seconds"
_SPLITS_OF_STAGE: dict[str, tuple[Split, ...]] = {
    "fit": SPLITS,  # training reports the skipped recordings of every split
    "validate": ("val",),
    "test": ("test",),
    "predict": ("test",),
}


class PhonemeDataModule(LightningDataModule):
    """The data section of the configuration.

    Args:
        dataset_classes: the data sets; their splits are concatenated.
        vocab_file: the vocabulary; filled in from the model section.
        language: the language of data sets that name none.
        batch_size: utterances per batch and device.
        max_batch_seconds: padded seconds of audio per batch and device, instead of ``batch_size``;
            ``auto`` finds the largest value that fits the device by trying the longest batches first.
        num_workers: the number of processes that read and augment.
        worker_timeout: the seconds that these processes may take for a batch before training ends with the
            clip that one of them hangs at; null waits for ever.
        num_proc: the number of processes that prepare the cache.
        create_dataset: whether to rebuild the cache; the old one stays until the new one is complete.
        audio_params: the audio format shared with the model.
        augmentations: transforms for the training split, applied in order.
        unknown_phonemes: the treatment of phonemes outside the vocabulary: ``skip`` leaves their recordings
            out, ``refuse`` stops, ``map_to_unknown`` and ``drop`` change the labels.
        seed: the seed of order and augmentation; null takes the run's.
        text_to_phonemes: the backend of data sets that name none: espeak, epitran, none, or a class_path.
        normalisation: the spelling of phonemes in data sets that set none.
        sampling: draws the clips of each epoch by group; null takes each clip once.
    """

    def __init__(
        self,
        dataset_classes: list[BaseDataset],
        vocab_file: str | Path = "",
        language: str | None = None,
        batch_size: int = 8,
        max_batch_seconds: float | Literal["auto"] | None = None,
        num_workers: int = 0,
        worker_timeout: float | None = 600.0,
        num_proc: int = 1,
        create_dataset: bool = False,
        audio_params: AudioParams | None = None,
        augmentations: list[Transform] | None = None,
        unknown_phonemes: UnknownPhonemePolicy = "skip",
        seed: int | None = None,
        text_to_phonemes: TextToPhonemes = "espeak",
        normalisation: IpaNormaliser | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        super().__init__()
        check_loading(batch_size, num_proc, num_workers, worker_timeout)
        check_weights(sampling, [dataset.weight for dataset in dataset_classes])
        self.sampling = sampling
        self._draws: GroupedDraws | None = None
        self.vocabulary = Vocabulary.from_file(vocab_file)
        self.sources = DataSources(dataset_classes, create_dataset=create_dataset)
        for dataset in dataset_classes:
            dataset.take_defaults(language, text_to_phonemes, normalisation)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.worker_timeout = worker_timeout
        self.num_proc = num_proc
        self.audio_params = audio_params or AudioParams()
        self.encode = LabelEncoder(self.vocabulary, unknown_phonemes)
        self.model = ModelInterface()
        if max_batch_seconds is not None and any(dataset.comes_first for dataset in dataset_classes):
            raise ValueError(
                "data: comes_first orders batches of batch_size, not of max_batch_seconds; leave one out"
            )
        self.seed = int(os.environ.get("PL_GLOBAL_SEED", 0)) if seed is None else seed
        own = [OwnTransforms(each.augmentations or (), each.augmented) for each in dataset_classes]
        pipeline = AugmentationPipeline(augmentations or (), self.seed, num_workers, own)
        self.augment = pipeline if pipeline.transforms else None
        self._features: EncoderStateCache | None = None
        self.limit = BatchLimit(max_batch_seconds)
        self._stored_position: dict[str, Any] = {}
        self._prepared: set[Split] = set()
        self.splits: dict[Split, ClipDataset] = {}
        self._parts: dict[Split, list[skipping.SplitPart]] = {}  # of the opened splits

    def connect(self, model: ModelInterface) -> None:
        """Take what depends on the model: usable labels, cached features, the largest batch."""
        self.model = model

    # Prepare: once per machine, before any split is opened.

    def prepare_data(self) -> None:
        """Build missing parts of the cache, once per machine; training prepares all splits."""
        stage = self.trainer.state.fn if self.trainer else None
        splits = _SPLITS_OF_STAGE[stage or "fit"]
        for split in splits:
            # Lightning calls this before every fit, validate and test; one rebuild is enough.
            if split not in self._prepared:
                rebuild = self.sources.create_dataset
                self.sources.prepare(split, self.audio_params, self.num_proc, rebuild=rebuild)
                self._prepared.add(split)
        if "train" in splits:
            self.prepare_sounds()

    def check_texts(self, stage: str) -> None:
        """Refuse texts that cannot be converted to phonemes, in the splits of a stage."""
        self.sources.check_texts(_SPLITS_OF_STAGE[stage])

    @property
    def _sounds(self) -> SoundStore:
        return SoundStore(self.sources.cache_dir / "sounds", self.audio_params.sampling_rate)

    def prepare_sounds(self) -> None:
        """Resample the augmentations' sounds once, into the first data set's cache."""
        if self.augment is not None:
            self._sounds.prepare(self.augment.sound_files(), self.num_proc)

    def use_prepared_sounds(self) -> None:
        """Let the augmentations read the sounds that ``prepare_sounds`` has resampled."""
        if self.augment is not None:
            self.augment.read_sounds_from(self._sounds.copies(self.augment.sound_files()))

    def prepare_encoder_states(self) -> None:
        """Compute the features of the frozen encoder that several runs will read, if they are cached."""
        for split in ("train", "val"):
            self._inputs(split, is_reused=True)

    # Set up: open the splits of a stage and check their labels.

    def setup(self, stage: str) -> None:
        """Open the splits of a stage; training opens all of them to report skipped recordings."""
        missing = [split for split in _SPLITS_OF_STAGE[stage] if split not in self.splits]
        opened = [part for split in missing for part in self._open_and_check(split)]
        if stage == "fit":  # the splits are checked together; a single split may have lost more
            skipping.check_skipped(opened)
        else:
            skipping.check_any_left(opened)
        if self._is_first:
            skipping.warn_of_skipped(opened)
        self._features = None  # another run may have another encoder
        if stage == "fit" and self.augment is not None:
            self.use_prepared_sounds()
            self.augment.warm_up(self.audio_params.sampling_rate)

    def _open_and_check(self, split: Split) -> list[skipping.SplitPart]:
        parts = self.open_split(split)
        self.encode.check(sum((part.usable.unknown for part in parts), Counter[str]()))
        clips, origin = self.splits[split], "; ".join(skipping.copies_and_synthesis(parts))
        log.info(
            "%s: %s, %.2f h%s", split, number_of(len(clips), "clip"), clips.hours, origin and f"; {origin}"
        )
        return parts

    def open_split(self, split: Split, *, rebuild: bool = False) -> list[skipping.SplitPart]:
        """Open a split's usable clips without checking how many recordings it lost."""
        num_frames, sampling_rate = self.model.num_frames, self.audio_params.sampling_rate
        prepared = self.sources.prepare(split, self.audio_params, self.num_proc, rebuild=rebuild)
        parts = parts_of(split, self.sources.datasets, prepared, self.encode, num_frames)
        augment = self.augment if split == "train" else None
        clips = clips_of(parts, augment, sampling_rate, num_frames)
        self.splits[split], self._parts[split] = clips, parts
        if split == "train" and self.sampling is not None:
            self._draws = draws_of(parts, clips, self.sampling)
        return parts

    @property
    def parts(self) -> list[skipping.SplitPart]:
        """What each data set adds to each opened split."""
        return [part for parts in self._parts.values() for part in parts]

    # Load: a split's inputs in batches of limited length.

    def train_dataloader(self) -> DataLoader[Example]:
        """Return shuffled, length-bucketed batches."""
        if not len(self.splits["train"]):
            raise AudioError("data: the training split holds no usable recordings; check dataset_classes")
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Example]:
        """Return batches sorted by length."""
        return self._loader("val", shuffle=False)

    def test_dataloader(self) -> DataLoader[Example]:
        """Return batches sorted by length."""
        return self._loader("test", shuffle=False)

    predict_dataloader = test_dataloader

    def _loader(self, split: Split, *, shuffle: bool) -> DataLoader[Example]:
        clips = self._inputs(split)
        sampler = self.sampler(split, shuffle=shuffle)
        seconds = self.batch_seconds(split)
        if shuffle and seconds is not None and self._is_first:
            num_samples = self.splits[split].clips.num_samples()
            self.limit.log_use(num_samples, self.audio_params.sampling_rate, seconds)
        if shuffle and self.trainer:
            set_position(sampler, self.trainer, self._stored_position, self.state_dict)
        return clip_loader(
            clips,
            sampler,
            self.vocabulary.blank_id,
            self.num_workers,
            patience_s=self.worker_timeout,
            pinned=self._on_cuda,
        )

    def _inputs(self, split: Split, *, is_reused: bool = False) -> ClipDataset | EncodedClips:
        """Return a split's audio, or its encoder features if this training or further runs reuse them."""
        clips, trainer = self.splits[split], self.trainer
        if trainer is None or trainer.state.fn != "fit" or not len(clips):
            return clips
        encoder = self.model.frozen_encoder()
        if encoder is None:
            return clips
        if self.augment is not None:
            if split == "train":
                log.info("encoder cache: not used: augmentations change the audio in every epoch")
            return clips
        pays = encoder.required or is_reused or has_several_epochs(trainer, self.num_batches("train"))
        if self._features is None:
            self._features = EncoderStateCache(self.sources.cache_dir / "encoder_states", encoder)
        blank_id, patience_s = self.vocabulary.blank_id, self.worker_timeout
        batches = clips_once(clips, self.batch_size, blank_id, self.num_workers, patience_s)
        identity = skipping.identity_of(self._parts[split])
        return with_features(clips, self._features, split, identity, batches if pays else None)

    def sampler(self, split: Split, *, shuffle: bool) -> LengthBucketSampler:
        """Return the batches of a split for this process."""
        trainer = self.trainer
        return LengthBucketSampler(
            self.splits[split].clips.num_samples(),
            self.audio_params.sampling_rate,
            batch_size=self.batch_size,
            max_batch_seconds=self.batch_seconds(split),
            shuffle=shuffle,
            seed=self.seed,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
            leading=leading_clips(self._parts[split]),
            draws=self._draws if split == "train" else None,
        )

    def batch_seconds(self, split: Split) -> float | None:
        """Return the limit of a batch in seconds of recorded audio, before augmentation stretches it."""
        trainer = self.trainer
        if self.limit.is_open and trainer is not None and trainer.state.fn == "fit" and self._on_cuda:
            longest = int(self.splits["train"].clips.num_samples().max(initial=1))
            self.limit.find(longest, self.audio_params.sampling_rate, self.model.fits, trainer)
        limit = self.limit.seconds
        if limit is None or self.augment is None or split != "train":
            return limit
        return limit / self.augment.longest_stretch

    def num_batches(self, split: Split) -> int | None:
        """Return this process's batches in an epoch; None until the device's limit is found."""
        if self.limit.is_open and self._on_cuda:
            return None
        return len(self.sampler(split, shuffle=split == "train")) if len(self.splits[split]) else 0

    # Save and resume the position; report.

    def state_dict(self) -> dict[str, Any]:
        """Return the batch limit and the settings behind the position that Lightning's loops store."""
        trainer = self.trainer
        return {
            **({_FOUND: self.limit.found} if self.limit.found else {}),
            "seed": self.seed,
            "batch_size": self.batch_size,
            "max_batch_seconds": self.limit.asked,
            "world_size": trainer.world_size if trainer else 1,
            "accumulate_grad_batches": trainer.accumulate_grad_batches if trainer else 1,
            **({"batch_seconds": self.batch_seconds("train")} if "train" in self.splits else {}),
            "data": skipping.identity_of(self._parts["train"]) if "train" in self._parts else "",
            "sampling": self.sampling and f"{self.sampling}, {[one.weight for one in self.sources.datasets]}",
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the settings; the loader checks them when the position in the epoch is known."""
        self._stored_position = state_dict
        self.limit.found = state_dict.get(_FOUND)

    def report_failures(self) -> None:
        """Log how many clips could not be augmented on all ranks, if their number has grown."""
        if self.trainer is not None and self.augment is not None:
            self.augment.ledger.log_new(self.trainer, self.splits["train"].clips.id_of)

    @property
    def _is_first(self) -> bool:
        """Whether this process logs for all processes."""
        return self.trainer is None or self.trainer.is_global_zero

    @property
    def _on_cuda(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

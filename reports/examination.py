"""The data section of a configuration → a survey: every split is prepared as for training, and looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_modules.base_dataset import SPLITS, BaseDataset, Split
from dataset_modules.clip_store import ClipStore
from dataset_modules.datamodule import PhonemeDataModule
from dataset_modules.sampler import LengthBucketSampler
from reports.augmentation_examples import AugmentationExample, augmentation_examples
from reports.data_survey import SourceSkips, SplitSurvey, Survey
from reports.survey_taking import SurveyTaker, with_batching


@dataclass(frozen=True)
class RunPlan:
    """What a survey needs to know of the run to come, besides its data.

    Args:
        frame_counts: samples → frames of the configured network.
        world_size: devices that share the batches.
        accumulate: batches to an optimizer step.
        max_epochs: of the run; None where it is open.
        max_steps: of the run; None where it is open.
        hardware_fault: what training would refuse on this machine.
    """

    frame_counts: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    world_size: int = 1
    accumulate: int = 1
    max_epochs: int | None = None
    max_steps: int | None = None
    hardware_fault: str | None = None


class Examination:
    """Looks at the data of a data module; the cache is built where it is missing."""

    def __init__(self, data: PhonemeDataModule, plan: RunPlan) -> None:
        self.data = data
        self.plan = plan
        self.stores: dict[Split, list[ClipStore]] = {}

    def survey(self) -> Survey:
        """Look at every clip of every split."""
        data, plan = self.data, self.plan
        data.locate()
        taker = SurveyTaker(
            data.vocabulary, data.unknown_phonemes, plan.frame_counts, data.audio_params.sampling_rate
        )
        splits: dict[Split, SplitSurvey] = {}
        for name in SPLITS:
            prepared = [self._prepare(dataset, name) for dataset in data.dataset_classes]
            self.stores[name] = [store for store, _ in prepared]
            split = taker.survey(name, self.stores[name], [skips for _, skips in prepared])
            splits[name] = (
                with_batching(split, self._sampler(split), plan.accumulate) if len(split) else split
            )
        return Survey(
            splits=splits,
            speakers=taker.speakers,
            vocabulary=data.vocabulary.phonemes,
            unknown_policy=data.unknown_phonemes,
            can_map_unknown=data.vocabulary.unknown_id is not None,
            sampling_rate=data.audio_params.sampling_rate,
            max_batch_seconds=data.max_batch_seconds,
            max_epochs=plan.max_epochs,
            max_steps=plan.max_steps,
            world_size=plan.world_size,
            hardware_fault=plan.hardware_fault,
        )

    def examples(self, number: int) -> Sequence[AugmentationExample]:
        """Training clips before and after augmentation; after a survey."""
        data = self.data
        return augmentation_examples(
            self.stores["train"], data.augment, data.audio_params.sampling_rate, number, data.seed
        )

    def _prepare(self, dataset: BaseDataset, split: Split) -> tuple[ClipStore, SourceSkips]:
        """Prepare a split as training would, but go on where too much is skipped: that is a finding."""
        allowed, dataset.max_skipped_share = dataset.max_skipped_share, 1.0
        try:
            total = len(dataset.recordings(split))
            prepared = dataset.prepare(
                split, self.data.audio_params, num_proc=self.data.num_proc, rebuild=self.data.create_dataset
            )
        finally:
            dataset.max_skipped_share = allowed
        skipped = total - len(prepared.clips)  # ids may repeat, and the reasons are kept by id
        return prepared.clips, SourceSkips(type(dataset).__name__, total, skipped, prepared.skipped, allowed)

    def _sampler(self, split: SplitSurvey) -> LengthBucketSampler:
        """As the data module makes it, for the first of the devices."""
        return LengthBucketSampler(
            split.clips.num_samples,
            split.sampling_rate,
            batch_size=self.data.batch_size,
            max_batch_seconds=self.data.max_batch_seconds,
            shuffle=split.name == "train",
            seed=self.data.seed,
            world_size=self.plan.world_size,
        )

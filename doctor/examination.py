"""Prepare every split of a configuration like training does, and survey it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dataset_modules.base_dataset import SPLITS, BaseDataset, Split
from dataset_modules.batches.sampler import LengthBucketSampler
from dataset_modules.datamodule import PhonemeDataModule
from dataset_modules.labels.skipping import SplitPart
from dataset_modules.labels.usable_clips import ClipSubset, EncodedLabels, FrameCounter, usable_clips
from doctor.augmentation_examples import AugmentationExample, augmentation_examples
from doctor.survey import SplitSurvey, Survey
from doctor.surveyor import Surveyor, with_batching


@dataclass(frozen=True)
class RunPlan:
    """The settings of a run that a survey needs besides the data.

    Args:
        frame_counts: Counts the frames of the configured network for numbers of samples.
        accumulate: The number of batches in an optimizer step.
        limit_batches: The number of training batches in an epoch, or their share.
        hardware_fault: Why training would not start on this machine.
        faults: Why the run would fail with so many batches of each split.
    """

    frame_counts: FrameCounter
    world_size: int = 1
    accumulate: int = 1
    limit_batches: int | float | None = None
    max_epochs: int | None = None
    max_steps: int | None = None
    hardware_fault: str | None = None
    faults: Callable[[Mapping[Split, int]], Iterable[str]] = lambda _: ()


class Examination:
    """Surveys the data of a data module; it builds the cache if it is missing."""

    def __init__(self, data: PhonemeDataModule, plan: RunPlan) -> None:
        self.data = data
        self.plan = plan
        self.parts: dict[Split, list[SplitPart]] = {}

    def _with_batching(self, split: SplitSurvey) -> SplitSurvey:
        return with_batching(split, self._sampler(split), self.plan.accumulate, self.plan.limit_batches)

    def survey(self) -> Survey:
        """Survey every clip of every split."""
        data, plan = self.data, self.plan
        data.sources.locate()
        taker = Surveyor(data.encode, plan.frame_counts, data.audio_params.sampling_rate)
        splits: dict[Split, SplitSurvey] = {}
        for name in SPLITS:
            self.parts[name] = [self._prepare(dataset, name) for dataset in data.sources.datasets]
            split = taker.survey(name, self.parts[name])
            splits[name] = self._with_batching(split) if len(split) else split
        return Survey(
            splits=splits,
            speakers=taker.speakers,
            vocabulary=data.vocabulary.phonemes,
            unknown_policy=data.encode.policy,
            sampling_rate=data.audio_params.sampling_rate,
            max_batch_seconds=data.batch_seconds("train"),
            max_epochs=plan.max_epochs,
            max_steps=plan.max_steps,
            world_size=plan.world_size,
            hardware_fault=plan.hardware_fault,
            plan_faults=tuple(plan.faults(self._num_batches(splits))),
        )

    def _num_batches(self, splits: Mapping[Split, SplitSurvey]) -> dict[Split, int]:
        """Count the batches per device and epoch, before any limit."""
        return {name: len(self._sampler(split)) if len(split) else 0 for name, split in splits.items()}

    def examples(self, number: int) -> Sequence[AugmentationExample]:
        """Augment some training clips; call it after ``survey``."""
        data = self.data
        if number:
            data.prepare_sounds()
            data.use_prepared_sounds()
        clips = [ClipSubset(part.prepared.clips, part.usable.indices) for part in self.parts["train"]]
        return augmentation_examples(
            clips,
            data.augment,
            data.audio_params.sampling_rate,
            number,
            data.seed,
            EncodedLabels.joined([part.usable.labels for part in self.parts["train"]]),
            self.plan.frame_counts,
        )

    def _prepare(self, dataset: BaseDataset, split: Split) -> SplitPart:
        """Prepare a split like training does; faults that would stop training become findings."""
        data = self.data
        prepared = dataset.prepare(
            split, data.audio_params, num_proc=data.num_proc, rebuild=data.sources.create_dataset
        )
        usable = usable_clips(prepared.clips, data.encode, self.plan.frame_counts)
        return SplitPart(dataset, split, prepared, usable)

    def _sampler(self, split: SplitSurvey) -> LengthBucketSampler:
        """Build the sampler of the first device, like the data module does."""
        return LengthBucketSampler(
            split.clips.num_samples[split.clips.used],
            split.sampling_rate,
            batch_size=self.data.batch_size,
            max_batch_seconds=self.data.batch_seconds(split.name),
            shuffle=split.name == "train",
            seed=self.data.seed,
            world_size=self.plan.world_size,
        )

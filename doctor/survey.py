"""A survey of the data: columns of numbers for each clip, and sums; it never holds audio."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataset_modules.base_dataset import Split
from dataset_modules.labels.skipping import SplitPart
from dataset_modules.sources.annotations.summary import LabelSummary

NO_SPEAKER = -1

# One row for each prepared recording; 85 bytes.
CLIP = np.dtype(
    [
        ("used", np.bool_),  # whether training would use it; some labels make clips unusable
        ("num_samples", np.int64),
        ("frames", np.int64),  # output frames of the network
        ("frames_needed", np.int64),  # frames that CTC needs: labels, and a blank between equal neighbours
        ("num_labels", np.int64),  # of the network, word boundaries included
        ("num_phonemes", np.int64),
        ("num_unknown", np.int64),  # phonemes outside the vocabulary
        ("peak", np.float32),  # of full scale
        ("rms", np.float32),
        ("clipped_share", np.float32),
        ("content", np.uint64, 2),  # equal recordings share at least one of the two
        ("speaker", np.int64),  # position in the survey's speakers, or NO_SPEAKER
    ]
)


@dataclass
class OddTexts:
    """Texts with odd parts of one kind, of which labels were made."""

    number: int = 0
    examples: list[str] = field(default_factory=list)


class Batching(NamedTuple):
    """The batches of a split."""

    num_batches: int  # per device and epoch
    padding_share: float
    largest_clips: int  # clips of the fullest batch
    largest_seconds: float  # padded seconds of the heaviest batch
    optimizer_steps: int  # per epoch; 0 for splits other than train


@dataclass(frozen=True)
class SplitSurvey:
    """The survey of one split: its recordings without copies, and synthetic speech only where it is alone."""

    name: Split
    sampling_rate: int
    clips: NDArray[np.void]  # (N,) of CLIP
    id_of: Callable[[int], str]  # the id of a row; looked up to save memory
    phonemes: Counter[str] = field(default_factory=Counter)  # of used clips
    unknown: Counter[str] = field(default_factory=Counter)  # outside the vocabulary, of all clips
    unknown_examples: dict[str, list[str]] = field(default_factory=dict)  # phoneme → ids
    synthetic: Counter[str] = field(default_factory=Counter)  # phonemes of synthetic speech left out here
    parts: Sequence[SplitPart] = ()  # one for each data set
    batching: Batching | None = None

    def __len__(self) -> int:
        return int(self.clips["used"].sum())

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """The length of each prepared clip, (N,)."""
        return self.clips["num_samples"] / self.sampling_rate

    @property
    def used_seconds(self) -> NDArray[np.float64]:
        """The length of each clip that training would use."""
        return self.seconds[self.clips["used"]]

    @property
    def phonemes_per_second(self) -> NDArray[np.float64]:
        """The speed of each prepared clip, (N,)."""
        return self.clips["num_phonemes"] / np.maximum(self.seconds, 1e-9)

    @property
    def room_for_labels(self) -> NDArray[np.float64]:
        """The frames of each prepared clip over those that CTC needs, one or more, (N,)."""
        return self.clips["frames"] / np.maximum(self.clips["frames_needed"], 1)

    @property
    def hours(self) -> float:
        """The hours of audio that training would use."""
        return float(self.used_seconds.sum()) / 3600

    @property
    def speakers(self) -> NDArray[np.int64]:
        """The known speakers of used clips, each once."""
        known = self.clips["used"] & (self.clips["speaker"] != NO_SPEAKER)
        return np.unique(self.clips["speaker"][known])

    @property
    def num_skipped(self) -> int:
        """The number of recordings that training would skip; of synthetic sentences where these are alone."""
        recorded = [part for part in self.parts if not part.is_synthetic]
        return sum(part.num_skipped for part in recorded or self.parts)

    def trains(self, phoneme: str) -> bool:
        """Return whether a phoneme occurs, in recordings or in synthetic speech."""
        return bool(self.phonemes[phoneme] or self.synthetic[phoneme])


@dataclass(frozen=True)
class RunPlan:
    """The settings of a run that a survey needs besides the data."""

    world_size: int = 1
    accumulate: int = 1  # batches of an optimizer step
    limit_batches: int | float | None = None  # training batches of an epoch, or their share
    max_epochs: int | None = None
    max_steps: int | None = None
    hardware_fault: str | None = None  # why training would not start on this machine
    # Why the run would fail with so many batches of each split.
    faults: Callable[[Mapping[Split, int]], Iterable[str]] = lambda _: ()


@dataclass(frozen=True)
class Survey:
    """The survey of all splits."""

    splits: dict[Split, SplitSurvey]
    speakers: tuple[str, ...]
    vocabulary: tuple[str, ...]  # its phonemes, without special tokens
    unknown_policy: str
    max_batch_seconds: float | None = None
    labels: tuple[LabelSummary, ...] = ()  # of data sets that find their labels in files
    plan: RunPlan = RunPlan()
    plan_faults: tuple[str, ...] = ()  # why the run would fail with the batches of these data
    odd_texts: Mapping[str, OddTexts] = field(default_factory=dict)  # by the kind of oddity

    @property
    def trained_on(self) -> SplitSurvey:
        """The training split."""
        return self.splits["train"]

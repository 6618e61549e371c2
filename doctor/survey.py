"""A survey of the data: columns of numbers for each clip, and sums; it never holds audio."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataset_modules.base_dataset import Split
from dataset_modules.recording import SkippedRecording

NO_SPEAKER = -1


@dataclass(frozen=True)
class ClipColumns:
    """One row per prepared clip, (N,) each but one; about 70 bytes a clip."""

    used: NDArray[np.bool_]  # whether training would use it; some labels make clips unusable
    num_samples: NDArray[np.int64]
    frames: NDArray[np.int64]  # output frames of the network
    frames_needed: NDArray[np.int64]  # frames that CTC needs: labels, and a blank between equal neighbours
    num_labels: NDArray[np.int64]
    num_unknown: NDArray[np.int64]  # phonemes outside the vocabulary
    peak: NDArray[np.float32]  # of full scale
    rms: NDArray[np.float32]
    clipped_share: NDArray[np.float32]
    content: NDArray[np.uint64]  # (N, 2): equal recordings share at least one of the two
    speaker: NDArray[np.int64]  # position in the survey's speakers, or NO_SPEAKER

    @classmethod
    def empty(cls, size: int) -> "ClipColumns":
        """Create columns of zeros."""

        def counts() -> NDArray[np.int64]:
            return np.zeros(size, dtype=np.int64)

        def shares() -> NDArray[np.float32]:
            return np.zeros(size, dtype=np.float32)

        return cls(
            used=np.zeros(size, dtype=np.bool_),
            num_samples=counts(),
            frames=counts(),
            frames_needed=counts(),
            num_labels=counts(),
            num_unknown=counts(),
            peak=shares(),
            rms=shares(),
            clipped_share=shares(),
            content=np.zeros((size, 2), dtype=np.uint64),
            speaker=np.full(size, NO_SPEAKER, dtype=np.int64),
        )


class SourceSkips(NamedTuple):
    """The recordings of one data set that a split skips."""

    source: int  # position of the data set in the configuration
    dataset: str
    total: int  # recordings that it listed
    num_skipped: int
    listed: Callable[[], Iterable[SkippedRecording]]  # reads them when called; there may be very many
    max_share: float | None  # the setting of the data set


class Batching(NamedTuple):
    """The batches of a split."""

    num_batches: int  # per device and epoch
    padding_share: float
    largest_clips: int  # clips of the fullest batch
    largest_seconds: float  # padded seconds of the heaviest batch
    optimizer_steps: int  # per epoch; 0 for splits other than train


@dataclass(frozen=True)
class SplitSurvey:
    """The survey of one split."""

    name: Split
    sampling_rate: int
    clips: ClipColumns
    id_of: Callable[[int], str]  # the id of a row; looked up to save memory
    phonemes: Counter[str] = field(default_factory=Counter)  # of used clips
    unknown: Counter[str] = field(default_factory=Counter)  # outside the vocabulary, of all clips
    unknown_examples: dict[str, list[str]] = field(default_factory=dict)  # phoneme → ids
    skips: tuple[SourceSkips, ...] = ()
    batching: Batching | None = None

    def __len__(self) -> int:
        return int(self.clips.used.sum())

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """The length of each prepared clip."""
        return self.clips.num_samples / self.sampling_rate

    @property
    def used_seconds(self) -> NDArray[np.float64]:
        """The length of each clip that training would use."""
        return self.seconds[self.clips.used]

    @property
    def hours(self) -> float:
        """The hours of audio that training would use."""
        return float(self.used_seconds.sum()) / 3600

    @property
    def speakers(self) -> NDArray[np.int64]:
        """The known speakers of used clips, each once."""
        known = self.clips.used & (self.clips.speaker != NO_SPEAKER)
        return np.unique(self.clips.speaker[known])

    @property
    def num_skipped(self) -> int:
        """The number of recordings that training would skip."""
        return sum(skips.num_skipped for skips in self.skips)


@dataclass(frozen=True)
class Survey:
    """The survey of all splits."""

    splits: dict[Split, SplitSurvey]
    speakers: tuple[str, ...]
    vocabulary: tuple[str, ...]  # its phonemes, without special tokens
    unknown_policy: str
    sampling_rate: int
    max_batch_seconds: float | None = None
    max_epochs: int | None = None
    max_steps: int | None = None
    world_size: int = 1
    hardware_fault: str | None = None  # why training would not start on this machine
    plan_faults: tuple[str, ...] = ()  # why the run would fail with so many batches

    @property
    def trained_on(self) -> SplitSurvey:
        """The training split."""
        return self.splits["train"]

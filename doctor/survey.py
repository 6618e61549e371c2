"""The figures of a data set, clip by clip and in sum: columns of numbers, never the audio itself."""

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

    used: NDArray[np.bool_]  # whether training would hear it; labels leave others out
    num_samples: NDArray[np.int64]
    frames: NDArray[np.int64]  # what the network gives
    frames_needed: NDArray[np.int64]  # what CTC needs: labels, and a blank between equal neighbours
    num_labels: NDArray[np.int64]
    num_unknown: NDArray[np.int64]  # phonemes outside the vocabulary
    peak: NDArray[np.float32]  # of full scale
    rms: NDArray[np.float32]
    clipped_share: NDArray[np.float32]
    content: NDArray[np.uint64]  # (N, 2): equal recordings share at least one of the two
    speaker: NDArray[np.int64]  # position in the survey's speakers, or NO_SPEAKER

    @classmethod
    def empty(cls, size: int) -> "ClipColumns":
        """Columns of zeros to be filled in."""

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
    """What one data set left out of a split."""

    source: int  # position of the data set in the configuration
    dataset: str
    total: int  # recordings that it listed
    num_skipped: int
    listed: Callable[[], Iterable[SkippedRecording]]  # read when asked for: there may be very many
    max_share: float | None  # as the data set has it


class Batching(NamedTuple):
    """What the sampler makes of a split."""

    num_batches: int  # per device and epoch
    padding_share: float
    largest_clips: int  # clips of the fullest batch
    largest_seconds: float  # padded seconds of the heaviest batch
    optimizer_steps: int  # per epoch; none for splits that are not trained on


@dataclass(frozen=True)
class SplitSurvey:
    """All that is known of one split."""

    name: Split
    sampling_rate: int
    clips: ClipColumns
    id_of: Callable[[int], str]  # of a row; looked up, because ids of millions of clips are not kept
    phonemes: Counter[str] = field(default_factory=Counter)  # of used clips
    unknown: Counter[str] = field(default_factory=Counter)  # outside the vocabulary, of all clips
    unknown_examples: dict[str, list[str]] = field(default_factory=dict)  # phoneme → ids
    skips: tuple[SourceSkips, ...] = ()
    batching: Batching | None = None

    def __len__(self) -> int:
        return int(self.clips.used.sum())

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """Length of each prepared clip."""
        return self.clips.num_samples / self.sampling_rate

    @property
    def used_seconds(self) -> NDArray[np.float64]:
        """Length of each clip that training would hear."""
        return self.seconds[self.clips.used]

    @property
    def hours(self) -> float:
        """Of audio that training would hear."""
        return float(self.used_seconds.sum()) / 3600

    @property
    def speakers(self) -> NDArray[np.int64]:
        """The known speakers of used clips, each once."""
        known = self.clips.used & (self.clips.speaker != NO_SPEAKER)
        return np.unique(self.clips.speaker[known])

    @property
    def num_skipped(self) -> int:
        """Recordings that training would not hear."""
        return sum(skips.num_skipped for skips in self.skips)


@dataclass(frozen=True)
class Survey:
    """All that is known of the data before training on it."""

    splits: dict[Split, SplitSurvey]
    speakers: tuple[str, ...]
    vocabulary: tuple[str, ...]  # its phonemes, without special tokens
    unknown_policy: str
    sampling_rate: int
    max_batch_seconds: float | None = None
    max_epochs: int | None = None
    max_steps: int | None = None
    world_size: int = 1
    hardware_fault: str | None = None  # what training would refuse on this machine
    plan_faults: tuple[str, ...] = ()  # what the run would fail at with this many batches

    @property
    def trained_on(self) -> SplitSurvey:
        """The training split."""
        return self.splits["train"]

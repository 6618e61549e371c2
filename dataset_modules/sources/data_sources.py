"""The data sets of a configuration, as one: what is known of them before any recording is read."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.batches.batch import AudioParams
from dataset_modules.cache.clip_cache import PreparedSplit


class DataSources:
    """Asks each data set in turn; their splits are concatenated in the configuration's order.

    Args:
        datasets: the configuration's.
        create_dataset: whether they are to be made anew.
    """

    def __init__(self, datasets: Sequence[BaseDataset], *, create_dataset: bool = False) -> None:
        self.datasets = datasets
        self.create_dataset = create_dataset
        self._located = False

    @property
    def cache_dir(self) -> Path:
        """Where what belongs to all data sets is kept: beside the first one's clips."""
        return Path(self.datasets[0].cache_dir)

    def locate(self) -> None:
        """Let the data sets find their recordings; a wrong path is told here, before anything is read."""
        if not self._located:
            for dataset in self.datasets:
                dataset.load_data(create_dataset=self.create_dataset)
            self._located = True

    def check_texts(self, splits: Iterable[Split]) -> None:
        """Refuse texts that cannot be turned into phonemes."""
        self.locate()
        for dataset in self.datasets:
            dataset.check_texts(tuple(splits))

    def languages(self, split: Split) -> list[str]:
        """The languages that a split's figures are told apart by; none where there is one alone."""
        self.locate()
        recordings = (recording for dataset in self.datasets for recording in dataset.recordings(split))
        languages = sorted({recording.language for recording in recordings if recording.language})
        return languages if len(languages) > 1 else []

    def is_empty(self, split: Split) -> bool:
        """Whether no data set has a recording for a split."""
        self.locate()
        return not any(True for dataset in self.datasets for _ in dataset.recordings(split))

    def why_empty(self, split: Split) -> str:
        """What the data sets say of a split without recordings."""
        self.locate()
        return "; ".join(dict.fromkeys(filter(None, (data.why_empty(split) for data in self.datasets))))

    def prepare(
        self, split: Split, audio: AudioParams, num_proc: int, *, rebuild: bool = False
    ) -> list[PreparedSplit]:
        """A split of each data set, from the cache or made now."""
        self.locate()
        return [
            dataset.prepare(split, audio, num_proc=num_proc, rebuild=rebuild) for dataset in self.datasets
        ]

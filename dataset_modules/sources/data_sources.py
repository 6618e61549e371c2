"""The data sets of a configuration as one source of recordings."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dataset_modules.base_dataset import BaseDataset, Split
from dataset_modules.batches.audio_params import AudioParams
from dataset_modules.batches.sampling import Groups, groups_of
from dataset_modules.cache.clip_cache import PreparedSplit


class DataSources:
    """Concatenates the splits of data sets in the configuration's order."""

    def __init__(self, datasets: Sequence[BaseDataset], *, create_dataset: bool = False) -> None:
        self.datasets = datasets
        self.create_dataset = create_dataset
        self._located = False
        self._prepared: dict[Split, list[PreparedSplit]] = {}

    @property
    def cache_dir(self) -> Path:
        """The folder for files of all data sets: the first data set's cache."""
        return Path(self.datasets[0].cache_dir)

    def locate(self) -> Sequence[BaseDataset]:
        """Let the data sets find their recordings, once, and return them; wrong paths are refused."""
        if not self._located:
            for dataset in self.datasets:
                dataset.load_data(create_dataset=self.create_dataset)
            self._located = True
        return self.datasets

    def check_texts(self, splits: Iterable[Split]) -> None:
        """Refuse texts that cannot be converted to phonemes."""
        for dataset in self.locate():
            dataset.check_texts(tuple(splits))

    def check_groups(self, by: Groups) -> None:
        """Refuse training recordings whose language or speaker is unknown, before audio is read."""
        for number, dataset in enumerate(self.locate() if by != "dataset" else ()):
            names = [getattr(recording, by) for recording in dataset.recordings("train")]
            groups_of(by, names, f"data.dataset_classes[{number}]")

    def languages(self, split: Split) -> list[str]:
        """Return a split's languages; nothing if there is only one."""
        languages = {recording.language for data in self.locate() for recording in data.recordings(split)}
        known = sorted(language for language in languages if language)
        return known if len(known) > 1 else []

    def is_empty(self, split: Split) -> bool:
        """Return whether no data set has a recording in a split."""
        return not any(True for dataset in self.locate() for _ in dataset.recordings(split))

    def why_empty(self, split: Split) -> str:
        """Return the data sets' explanations of an empty split."""
        return "; ".join(dict.fromkeys(filter(None, (data.why_empty(split) for data in self.locate()))))

    def prepare(
        self, split: Split, audio: AudioParams, num_proc: int, *, rebuild: bool = False
    ) -> list[PreparedSplit]:
        """Return the prepared split of each data set, from the cache or built now, once per process."""
        if rebuild or split not in self._prepared:
            self._prepared[split] = [
                data.prepare(split, audio, num_proc=num_proc, rebuild=rebuild) for data in self.locate()
            ]
        return self._prepared[split]

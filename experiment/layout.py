"""The layout of an experiment's folder: every name in it is spelt here, and nowhere else."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

EXPERIMENTS = "experiments"  # holds one folder for each experiment, and for each search

CHECKPOINTS = "checkpoints"
BEST_CHECKPOINT_FILE = "best.json"  # in CHECKPOINTS: the file name and the score of the best one
LAST_CHECKPOINT_FILE = "last.ckpt"
MEAN_CHECKPOINT_FILE = "mean_of_best.ckpt"  # weights alone
CHECKPOINT_PATTERN = "*.ckpt"
LOGS = "logs"
TENSORBOARD_LOGS, CSV_LOGS = f"{LOGS}/tensorboard", f"{LOGS}/csv"
EVALUATIONS = "evaluations"  # one folder for each evaluation of a checkpoint
EXPORTS = "exports"

VOCABULARY_FILE = "vocab.json"
METRICS_FILE = "metrics.json"
SYMBOLS_FILE = "symbols.tsv"  # of an evaluated Hugging Face model, and what they were mapped to
CALIBRATION_FILE = "pronunciation_calibration.json"  # of pronunciation scores
LANGUAGE_MODEL_FILE = "language_model.arpa"  # of the training labels, where decoding asks for it
DECODING_FILE = "decoding.json"  # the search that test data were decoded with
PREDICTIONS_FILE = "predictions.jsonl"
REPORT_FILE = "report.html"
COMPARISON_FILE = "comparison.html"
GROUPS_FILE = "comparison_of_groups.html"
# optim.fam.recorder writes it; importing the name from there would load torch, which takes seconds.
FAM_RECORD_FILE = "fam_debug.jsonl"
_UTTERANCES = "utterances_"


class NumberedFile(NamedTuple):
    """A file that every start of a resumed run writes anew: ``config.yaml``, ``config_2.yaml`` and so on."""

    stem: str
    suffix: str

    def next_in(self, folder: Path) -> Path:
        """Return the first path that does not exist yet."""
        return next(path for path in self._series(folder) if not path.exists())

    def newest_in(self, folder: Path) -> Path:
        """Return the file that the last start wrote; ``config.yaml`` where there is none."""
        present = list(itertools.takewhile(Path.exists, self._series(folder)))
        return present[-1] if present else folder / f"{self.stem}{self.suffix}"

    def _series(self, folder: Path) -> Iterator[Path]:
        yield folder / f"{self.stem}{self.suffix}"
        yield from (folder / f"{self.stem}_{number}{self.suffix}" for number in itertools.count(2))


CONFIGURATION_FILE = NumberedFile("config", ".yaml")
DATA_FILE = NumberedFile("data", ".json")
VERSIONS_FILE = NumberedFile("versions", ".json")
SKIPPED_FILE = NumberedFile("skipped_recordings", ".tsv")


def records_file(folder: Path, split: str) -> Path:
    """Return the path of the utterance records of a split."""
    return folder / f"{_UTTERANCES}{split}.jsonl"


def recorded_splits(folder: Path) -> dict[str, Path]:
    """Map the splits that have utterance records to their files, the test split first."""
    paths = sorted(folder.glob(f"{_UTTERANCES}*.jsonl"))
    found = {path.stem.removeprefix(_UTTERANCES): path for path in paths}
    return {split: found[split] for split in sorted(found, key=lambda split: (split != "test", split))}


def audio_folder(folder: Path, split: str) -> Path:
    """Return the folder of the recordings that the report of a split plays."""
    return folder / f"audio_{split}"


def trained_folder(folder: Path) -> Path:
    """Return the experiment that an evaluation's folder lies in; any other folder is its own."""
    return folder.parents[1] if folder.parent.name == EVALUATIONS else folder


def experiment_of(checkpoint: Path) -> Path | None:
    """Return the experiment's folder that a checkpoint lies in."""
    parent = checkpoint.resolve().parent
    return parent.parent if parent.name == CHECKPOINTS else None

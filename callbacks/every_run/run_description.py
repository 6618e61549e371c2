"""Writes what describes a run to its folder: configuration, vocabulary, data, and versions."""

import importlib.metadata
import json
import logging
import platform
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback
from typing_extensions import override

from dataset_modules.labels.skipping import write_skipped
from durable_files import write_durably
from experiment.layout import CONFIGURATION_FILE, DATA_FILE, SKIPPED_FILE, VERSIONS_FILE, VOCABULARY_FILE
from experiment.revision import code_revision

log = logging.getLogger(__name__)

_PACKAGES = (
    *("torch", "torchaudio", "torchmetrics", "transformers", "lightning", "jsonargparse"),
    *("numpy", "audiomentations"),
    *("epitran", "espeakng-loader", "panphon", "phonemizer"),  # convert texts to phonemes
)


class RunDescription(SaveConfigCallback):
    """Writes the description when training starts; every start of a resumed run adds its own files."""

    def __init__(self, parser: LightningArgumentParser, config: Namespace) -> None:
        super().__init__(parser, config, save_to_log_dir=False)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write it for a training, and for a Hugging Face model, which no training here describes."""
        if stage == "fit" or getattr(getattr(pl_module, "output", None), "is_mapped", False):
            super().setup(trainer, pl_module, stage)

    def on_train_epoch_end(self, trainer: Trainer, *_: object) -> None:
        """Report on how many clips augmentation failed, in any process."""
        if report := getattr(trainer.datamodule, "report_failures", None):  # type: ignore[attr-defined]
            report()

    @override
    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        folder = Path(trainer.default_root_dir)
        data = trainer.datamodule  # type: ignore[attr-defined]
        parts = getattr(data, "parts", [])
        write_durably(CONFIGURATION_FILE.next_in(folder), self.parser.dump(self.config, skip_none=False))
        write_durably(DATA_FILE.next_in(folder), json.dumps(_sizes(data), indent=1))
        write_durably(folder / VOCABULARY_FILE, pl_module.vocabulary.to_json())  # type: ignore[operator,union-attr]
        record = {**versions(), "data": _fingerprints(data)}
        write_durably(VERSIONS_FILE.next_in(folder), json.dumps(record, indent=1))
        skipped = SKIPPED_FILE.next_in(folder)
        write_skipped(skipped, parts)
        if any(part.num_skipped for part in parts):
            log.warning("recordings skipped; why: %s", skipped)


def _fingerprints(data: Any) -> dict[str, list[str]]:  # noqa: ANN401 - data modules of others have no splits
    """Return what identifies the prepared recordings of each split, one text for each data set."""
    return {
        split: [part.prepared.fingerprint for part in data.parts if part.split == split]
        for split in getattr(data, "splits", {})
    }


def _sizes(data: Any) -> dict[str, dict[str, float]]:  # noqa: ANN401 - data modules of others have no splits
    """Return how much each split holds, and how much was skipped.

    Clips are the recordings that were not skipped, and the copies; synthetic ones are among the recordings.
    """
    sizes: dict[str, dict[str, float]] = {}
    for split, clips in getattr(data, "splits", {}).items():
        parts = [part for part in data.parts if part.split == split]
        sizes[split] = {
            "clips": len(clips),
            "hours": round(clips.hours, 4),
            "recordings": sum(part.num_recordings for part in parts),
            "synthetic": sum(part.num_recordings for part in parts if part.is_synthetic),
            "copies": sum(part.num_copies for part in parts),
            "skipped": sum(part.num_skipped for part in parts),
        }
    return sizes


def versions() -> dict[str, Any]:
    """Return the versions of Python, of packages, and of this code."""
    return {
        "python": platform.python_version(),
        "packages": {name: _package_version(name) for name in sorted(_PACKAGES)},
        "revision": code_revision(),
    }


def _package_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None

"""Describes a run in its folder: configuration, vocabulary, data, versions of code and packages."""

import importlib.metadata
import json
import logging
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback

from dataset_modules.labels.skipping import counted, write_skipped
from experiment.layout import CONFIGURATION_FILE, DATA_FILE, SKIPPED_FILE, VERSIONS_FILE, VOCABULARY_FILE

log = logging.getLogger(__name__)

_PACKAGES = (
    "audiomentations",
    "epitran",
    "espeakng-loader",
    "jsonargparse",
    "lightning",
    "numpy",
    "panphon",
    "phonemizer",
    "torch",
    "torchaudio",
    "torchmetrics",
    "transformers",
)


class RunDescription(SaveConfigCallback):
    """Writes the description when training starts; every start of a resumed run writes another one."""

    def __init__(self, parser: LightningArgumentParser, config: Namespace) -> None:
        super().__init__(parser, config, save_to_log_dir=False)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Describe training runs only."""
        if stage == "fit":
            super().setup(trainer, pl_module, stage)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log on how many clips augmentation failed, whichever process read them."""
        if report := getattr(trainer.datamodule, "report_failures", None):  # type: ignore[attr-defined]
            report()

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write configuration, vocabulary, versions, and which recordings were skipped."""
        folder = Path(trainer.default_root_dir)
        self.parser.save(self.config, CONFIGURATION_FILE.next_in(folder), skip_none=False)
        DATA_FILE.next_in(folder).write_text(json.dumps(_data_facts(trainer), indent=1), encoding="utf-8")
        (folder / VOCABULARY_FILE).write_text(pl_module.vocabulary.to_json(), encoding="utf-8")  # type: ignore[operator,union-attr]
        fingerprints = getattr(trainer.datamodule, "fingerprints", {})  # type: ignore[attr-defined]
        record = {**versions(), "data": fingerprints}
        VERSIONS_FILE.next_in(folder).write_text(json.dumps(record, indent=1), encoding="utf-8")
        parts = getattr(trainer.datamodule, "parts", [])  # type: ignore[attr-defined]
        skipped = SKIPPED_FILE.next_in(folder)
        write_skipped(skipped, parts)
        if any(part.num_skipped for part in parts):
            log.warning("%s recordings skipped; why: %s", counted(parts), skipped)


def _data_facts(trainer: Trainer) -> dict[str, dict[str, float]]:
    """Count what each split holds, and what was left out of it."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    facts: dict[str, dict[str, float]] = {}
    for split, clips in getattr(data, "splits", {}).items():
        parts = [part for part in data.parts if part.split == split]
        facts[split] = {
            "clips": len(clips),
            "hours": round(data.splits[split].hours, 4),
            "recordings": sum(part.num_recordings for part in parts),
            "skipped": sum(part.num_skipped for part in parts),
        }
    return facts


def versions() -> dict[str, Any]:
    """Return the versions of Python, of packages, and of this code."""
    return {
        "python": platform.python_version(),
        "packages": {name: _package_version(name) for name in _PACKAGES},
        "revision": _git_revision(),
    }


def _package_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """Return the commit of the code, marked where the tree differs from it; None where it is unknown.

    In the container there is no repository: ``run.sh`` passes on the revision in the image.
    """
    if revision := os.environ.get("PHONEME_REVISION"):
        return revision
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

"""Which tiers cut recordings into clips: those that options state, else those of the model's training."""

import argparse
import logging
from pathlib import Path
from typing import Any

from experiment.contents import read_configuration
from experiment.layout import experiment_of
from untrusted.printing import printable

log = logging.getLogger(__name__)

_OPTIONS = ("label_tier", "clip_tier")


def label_choice(options: argparse.Namespace, model: str) -> dict[str, Any]:
    """Return the arguments of a data set about tiers; where none is stated, those of the training."""
    if stated := {name: value for name in _OPTIONS if (value := getattr(options, name, None))}:
        return stated
    if trained := _of_training(model):
        listed = ", ".join(f"{name} {value}" for name, value in trained.items())
        log.info("clips are cut as for the model's training: %s", printable(listed))
    return trained


def _of_training(model: str) -> dict[str, str]:
    """Return what the recordings of a training have in common; nothing where they differ."""
    experiment = experiment_of(Path(model))
    data = (read_configuration(experiment).get("data") or {}) if experiment else {}
    datasets = [dataset.get("init_args") or {} for dataset in data.get("dataset_classes") or []]
    choices = [
        {name: value for name in _OPTIONS if isinstance(value := one.get(name), str)}
        for one in datasets
        if "label_tier" in one  # recordings, with or without such a choice
    ]
    return choices[0] if choices and all(one == choices[0] for one in choices) else {}

"""Write a folder that a Space of the Hugging Face Hub runs: the page of ``try`` with one model."""

import importlib.metadata
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from experiment.layout import (
    BEST_CHECKPOINT_FILE,
    CALIBRATION_FILE,
    CHECKPOINTS,
    DECODING_FILE,
    EXPERIMENTS,
    LANGUAGE_MODEL_FILE,
)
from inference.acoustic_model import AcousticModel
from inference.handover.bundle import CARD, new_folder
from inference.handover.model_card import Provenance
from installation import MODULES, PACKAGES, PROJECT, ROOT
from models.weights import CHECKPOINT_KEY, NETWORK_PREFIX, read_checkpoint

_PORT = 7860  # which a Space shows
_LOCK, _REQUIREMENTS = "requirements.lock", "requirements.txt"
_OF_ADAPTERS = ("adapter", "base")  # of a description
_KEPT = (CALIBRATION_FILE, DECODING_FILE, LANGUAGE_MODEL_FILE)  # with which the model decodes and scores
_DOCKERFILE = """# Serves the page of `try`. Without an engine: install requirements.txt, run the last line.
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
RUN useradd --uid 1000 phoneme
USER phoneme
ENV HOME=/tmp NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
CMD {command}
"""
_CARD = """---
title: {title}
sdk: docker
app_port: {port}
{license}---

# {title}

Record speech or drop a file: the page shows its phonemes at their times over a spectrogram, plays each one,
and scores a sentence to be read. Recordings are sent to this Space; it keeps them in memory until they are
answered, and nowhere else. The model makes mistakes, above all in noise, and for accents and voices that it
was not trained on.

{facts}
"""


def write_space(
    checkpoint: Path,
    experiment: Path | None,
    folder: Path,
    provenance: Provenance,
    languages: Sequence[str],
    license_name: str | None = None,
) -> None:
    """Write the code, the requirements, the card and the model into a new folder.

    Of the checkpoint its weights and their description are taken, with an adapter and its base in them; of
    the experiment's folder the search and the calibration. Its configuration, which names files, stays.
    """
    model = AcousticModel.from_checkpoint(checkpoint)  # refuses what the page could not load
    name = re.sub(r"[^\w-]+", "_", provenance.name).strip("_-") or "model"
    options = ["--language", *languages] if languages else []
    command = ["python", "main.py", "try", name, *options, "--host", "0.0.0.0", "--port", str(_PORT)]  # noqa: S104
    with new_folder(folder) as unfinished:
        _copy_code(unfinished)
        _write_checkpoint(model, read_checkpoint(checkpoint), unfinished / EXPERIMENTS / name / CHECKPOINTS)
        for file in _KEPT:
            if experiment and (experiment / file).is_file():
                shutil.copy(experiment / file, unfinished / EXPERIMENTS / name)
        (unfinished / _REQUIREMENTS).write_text(_requirements(), encoding="utf-8")
        dockerfile = _DOCKERFILE.format(command=json.dumps(command))
        (unfinished / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        (unfinished / CARD).write_text(_card(name, provenance, license_name), encoding="utf-8")


def _copy_code(folder: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for module in MODULES:
        shutil.copy(ROOT / f"{module}.py", folder)


def _write_checkpoint(model: AcousticModel, content: Mapping[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True)
    weights = {f"{NETWORK_PREFIX}{name}": value for name, value in model.network.state_dict().items()}
    described = {name: value for name, value in content[CHECKPOINT_KEY].items() if name not in _OF_ADAPTERS}
    torch.save({"state_dict": weights, CHECKPOINT_KEY: described}, folder / "best.ckpt")
    best = json.dumps({"path": "best.ckpt"})
    (folder / BEST_CHECKPOINT_FILE).write_text(best, encoding="utf-8")


def _requirements() -> str:
    """Return the locked requirements; without a lock, as in an installed package, the declared ones."""
    if (ROOT / _LOCK).is_file():
        return (ROOT / _LOCK).read_text(encoding="utf-8")
    declared = [line.partition(";")[::2] for line in importlib.metadata.requires(PROJECT) or ()]
    running = [name.strip() for name, extra in declared if "extra" not in extra or "espeak" in extra]
    return "\n".join(running) + "\n"


def _card(name: str, provenance: Provenance, license_name: str | None) -> str:
    # A Space decodes by the experiment's search: the rate without it is that of other exports.
    searched = {key: value for key, value in provenance.metrics.items() if key != "test_greedy_per"}
    rates = provenance._replace(metrics=searched).measurements
    facts = [f"- {one.name.upper()} ({one.split}): {100 * one.rate:.1f} %" for one in rates]
    return _CARD.format(
        title=f"Phonemes by {name}",
        port=_PORT,
        license=f"license: {license_name}\n" if license_name else "",
        facts="\n".join(facts),
    )

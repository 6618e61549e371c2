"""What a run has left in its experiment's folder."""

import json
from pathlib import Path
from typing import Any

import torch


def metrics_of(folder: Path) -> dict[str, Any]:
    """The final metrics."""
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def last_checkpoint(folder: Path) -> dict[str, Any]:
    """The content of ``last.ckpt``."""
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def assert_same_weights(folder: Path, other: Path) -> None:
    """The last checkpoints of two runs have the same weights, to the bit."""
    ours, theirs = last_checkpoint(folder)["state_dict"], last_checkpoint(other)["state_dict"]
    for key, value in theirs.items():
        assert torch.equal(value, ours[key]), key


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file with one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

"""Corrects the file names in the state of a checkpoint callback by the files that exist."""

from pathlib import Path
from typing import Any

import torch


def relocated(state: dict[str, Any], folder: str | Path | None, mode: str = "min") -> dict[str, Any]:
    """Return the callback's state with its files in this folder, without files that no longer exist.

    A killed run that resumes from an earlier checkpoint may have replaced its best one since.
    The state of a run in another folder, none of whose files lie here, stays as it is.

    >>> relocated({"dirpath": "/a", "best_model_path": ""}, None)["dirpath"]
    '/a'
    """
    if folder is None:
        return state
    here = Path(folder)
    known: dict[str, Any] = state["best_k_models"]
    top = {str(here / Path(path).name): score for path, score in known.items()}
    top = {path: score for path, score in top.items() if Path(path).is_file()}
    elsewhere = str(state["dirpath"]) != str(folder)
    if not top and known and elsewhere:
        return state
    moved = {
        key: str(here / Path(state[key]).name)
        for key in ("last_model_path", "best_model_path", "kth_best_model_path")
        if state[key]
    }
    changed = _compare_again(top, mode) if len(top) < len(known) else {}
    return {**state, **moved, "best_k_models": top, "dirpath": str(folder), **changed}


def _compare_again(top: dict[str, Any], mode: str) -> dict[str, Any]:
    """Return which of the remaining files are best and worst."""
    better, worse = (min, max) if mode == "min" else (max, min)
    best = better(top, key=lambda path: float(top[path])) if top else ""
    worst = worse(top, key=lambda path: float(top[path])) if top else ""
    nothing = torch.tensor(float("inf" if mode == "min" else "-inf"))
    return {
        "best_model_path": best,
        "best_model_score": top.get(best),
        "kth_best_model_path": worst,
        "kth_value": top.get(worst, nothing),
    }

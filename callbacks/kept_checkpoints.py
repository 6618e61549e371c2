"""Adapts a checkpoint callback's state to the files that are present."""

from pathlib import Path
from typing import Any

import torch


def relocated(state: dict[str, Any], folder: str | Path | None, mode: str = "min") -> dict[str, Any]:
    """Return the callback's state with its files looked for in a folder, without those that are gone.

    A run that was killed and resumes from an earlier checkpoint may have replaced its best since.
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
        "last_model_path": str(here / Path(state["last_model_path"]).name)
        if state["last_model_path"]
        else "",
        "best_k_models": top,
        "dirpath": str(folder),
    }
    if len(top) < len(known):
        return {**state, **moved, **_ranked(top, mode)}
    names = {key: state[key] for key in ("best_model_path", "kth_best_model_path") if state[key]}
    return {**state, **moved, **{key: str(here / Path(path).name) for key, path in names.items()}}


def _ranked(top: dict[str, Any], mode: str) -> dict[str, Any]:
    """Find the best and the worst of the files that are left."""
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

"""The traces that the optimizers must reproduce, shortened; both paths."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from optim import FAM, AutoSGM, SimpleFAM
from optim.autosgm.settings import WindowShape
from optim.autosgm.window import window_value

GOLDEN = Path(__file__).parent / "golden"
TRACES = sorted(GOLDEN.glob("*.npz"))
WINDOWS = json.loads((GOLDEN / "windows.json").read_text())
AUTOSGM_TUPLES = ("lr_cfg", "beta_cfg", "rc_cfg", "wd_cfg", "eps_cfg")


def build_optimizer(meta, params, foreach):
    if meta["optimizer"] == "FAM":
        groups = [{**group, "params": [params[name] for name in group["names"]]} for group in meta["groups"]]
        return FAM(groups, foreach=foreach)
    if meta["optimizer"] == "SimpleFAM":
        return SimpleFAM(params.values(), lr=meta["lr"], alpha=meta["alpha"], foreach=foreach)
    return AutoSGM(params.values(), **{name: tuple(meta[name]) for name in AUTOSGM_TUPLES}, foreach=foreach)


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_trace_is_reproduced(path, foreach):
    trace = np.load(path)
    meta = json.loads(str(trace["meta"]))
    names = [key.removeprefix("init/") for key in trace.files if key.startswith("init/")]
    params = {name: torch.nn.Parameter(torch.from_numpy(trace[f"init/{name}"])) for name in names}
    optimizer = build_optimizer(meta, params, foreach)
    expected = {int(step): index for index, step in enumerate(trace["steps"])}
    worst = 0.0
    for step in range(1, meta["steps"] + 1):
        for name, param in params.items():
            param.grad = torch.from_numpy(trace[f"grad/{name}"][step - 1])
        optimizer.step()
        if step in expected:
            differences = [
                np.abs(param.detach().numpy() - trace[f"param/{name}"][expected[step]]).max()
                for name, param in params.items()
            ]
            worst = max(worst, *differences)
    assert worst <= 2e-6


@pytest.mark.parametrize("key", WINDOWS)
def test_window_is_reproduced(key):
    fields = dict(entry.split("=") for entry in key.split(","))
    shape = WindowShape(**{k: float(v) if k in "xne" else int(v) for k, v in fields.items()})
    values = [window_value(step, shape) for step in range(1, len(WINDOWS[key]) + 1)]
    np.testing.assert_allclose(values, WINDOWS[key], rtol=0, atol=1e-9)

"""Share the machine among the trials that run at once: GPUs, or processor threads."""

import os
from typing import Any

from experiment.errors import ConfigError

VISIBLE = "CUDA_VISIBLE_DEVICES"
_ON_GPUS = ("auto", "gpu", "cuda")


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use, as the environment names them."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() and name.strip() != "-1"]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def environments_here(trainer: dict[str, Any], n_jobs: int | None) -> list[dict[str, str]]:
    """Return an environment for each of the trials that run at once on this machine."""
    gpus = [] if trainer.get("accelerator") == "cpu" else visible_gpus()
    return trial_environments(trainer, n_jobs, gpus)


def trial_environments(trainer: dict[str, Any], n_jobs: int | None, gpus: list[str]) -> list[dict[str, str]]:
    """Return an environment for each of the trials that run at once, with its share of the machine.

    >>> trial_environments({"accelerator": "gpu", "devices": 1}, None, ["0", "1"])
    [{'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '1'}]
    >>> trial_environments({"accelerator": "cpu"}, None, ["0", "1"])
    [{}]
    """
    uses_gpus = trainer.get("accelerator") in _ON_GPUS and bool(gpus)
    each = _devices_each(trainer.get("devices"))
    wanted = n_jobs or (max(1, len(gpus) // each) if uses_gpus else 1)
    if wanted == 1 and (n_jobs or not uses_gpus or len(gpus) <= each):
        return [{}]
    if not uses_gpus:
        if "OMP_NUM_THREADS" in os.environ:  # the user's choice
            return [{}] * wanted
        return [{"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // wanted))}] * wanted
    if each > len(gpus):
        raise ConfigError(f"trainer.devices: {each} GPUs for each trial, this machine has {len(gpus)}")
    places = max(1, len(gpus) // each)
    return [
        {VISIBLE: ",".join(gpus[each * (slot % places) : each * (slot % places + 1)])}
        for slot in range(wanted)
    ]


def _devices_each(devices: Any) -> int:  # noqa: ANN401 - Lightning's type
    if isinstance(devices, list):
        if len(devices) != 1:
            raise ConfigError(
                f"trainer.devices: a search assigns GPUs to trials; give their number, not their indices, "
                f"got {devices}"
            )
        return 1
    return int(devices) if str(devices).isdigit() and int(devices) > 0 else 1

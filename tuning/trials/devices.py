"""One GPU, or as many as a trial asks for, for each of the trials that run at once."""

import os
from typing import Any

from experiment.errors import ConfigError

VISIBLE = "CUDA_VISIBLE_DEVICES"
_ON_GPUS = ("auto", "gpu", "cuda")


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as the environment names them."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() and name.strip() != "-1"]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def slots(trainer: dict[str, Any], n_jobs: int | None, gpus: list[str]) -> list[dict[str, str]]:
    """For each trial at once, the environment that shows it its share of the machine.

    >>> slots({"accelerator": "gpu", "devices": 1}, None, ["0", "1"])
    [{'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '1'}]
    >>> slots({"accelerator": "cpu"}, None, ["0", "1"]), slots({"accelerator": "gpu"}, 1, ["0", "1"])
    ([{}], [{}])
    """
    uses_gpus = trainer.get("accelerator") in _ON_GPUS and bool(gpus)
    each = _devices_each(trainer.get("devices"))
    wanted = n_jobs or (max(1, len(gpus) // each) if uses_gpus else 1)
    if wanted == 1 and (n_jobs or not uses_gpus or len(gpus) <= each):
        return [{}]
    if not uses_gpus:
        return [_share_of_processor(wanted) for _ in range(wanted)]
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
                f"trainer.devices: a search gives each trial GPUs of its own; say how many, not which, "
                f"got {devices}"
            )
        return 1
    return int(devices) if str(devices).isdigit() and int(devices) > 0 else 1


def _share_of_processor(jobs: int) -> dict[str, str]:
    """Threads for one of several trials, unless the user has settled that."""
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // jobs))}

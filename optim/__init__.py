"""Optimizers, schedules and parameter groups; torch alone is needed, Numba makes AutoSGM fast on a CPU."""

from optim.autosgm.optimizer import AutoSGM
from optim.fam.optimizer import FAM
from optim.fam.recorder import read_fam_records
from optim.fam.simple_fam import SimpleFAM
from optim.param_groups import get_parameter_groups, layerwise_parameter_groups
from optim.schedules import FAMEpochScheduler, FAMScheduler

FAMOptimizer = FAM
FAMScheduler2 = FAMScheduler

__all__ = [
    "FAM",
    "AutoSGM",
    "FAMEpochScheduler",
    "FAMOptimizer",
    "FAMScheduler",
    "FAMScheduler2",
    "SimpleFAM",
    "get_parameter_groups",
    "layerwise_parameter_groups",
    "read_fam_records",
]

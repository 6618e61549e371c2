"""Optimizers, schedules and parameter groups; torch alone is needed, Numba makes AutoSGM fast on a CPU."""

from optim.autosgm import AutoSGM
from optim.fam import FAM
from optim.fam_debug import read_fam_records
from optim.param_groups import get_parameter_groups, layerwise_parameter_groups
from optim.schedules import FAMEpochScheduler, FAMScheduler
from optim.simple_fam import SimpleFAM

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

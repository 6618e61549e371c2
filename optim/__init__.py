"""Optimizers, schedules and parameter groups; they need torch alone, Numba and SciPy make them fast."""

from optim.autosgm import AutoSGM
from optim.fam import FAM, SimpleFAM, read_fam_records
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

"""FAM, its simple form, and its debug record."""

from optim.fam.optimizer import FAM
from optim.fam.recorder import read_fam_records
from optim.fam.simple_fam import SimpleFAM

__all__ = ["FAM", "SimpleFAM", "read_fam_records"]

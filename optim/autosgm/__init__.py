"""AutoSGM, with one form of its step per kind of device and tensor."""

from optim.autosgm.optimizer import AutoSGM

__all__ = ["AutoSGM"]

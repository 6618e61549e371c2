"""Augmentation of waveforms: any audiomentations transform, each draw a function of (seed, epoch, index)."""

from dataset_modules.augmentations.background_noise import AddBackgroundNoiseWrapper, noise_files
from dataset_modules.augmentations.nesting import Transform
from dataset_modules.augmentations.pipeline import AugmentationPipeline, OwnTransforms
from dataset_modules.augmentations.seeding import kept_random_state, seeded
from dataset_modules.augmentations.speed_perturbation import SpeedPerturbation

__all__ = [
    "AddBackgroundNoiseWrapper",
    "AugmentationPipeline",
    "OwnTransforms",
    "SpeedPerturbation",
    "Transform",
    "kept_random_state",
    "noise_files",
    "seeded",
]

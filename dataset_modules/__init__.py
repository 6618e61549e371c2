"""Disk → batch. Data sets are reached by their paths: ``dataset_modules.custom.CustomAudioDataset``."""

"""Disk → batch. Data sets are reached by their full paths, such as ``dataset_modules.custom.CustomAudioDataset``."""

"""Callbacks that a configuration can name."""

from callbacks.checkpoint_io import DurableCheckpointIO
from callbacks.checkpoints import CustomModelCheckpoint
from callbacks.collapse import CollapseWatch
from callbacks.figure_reports import FigureReports
from callbacks.log_metrics import LogMetricsCallback
from callbacks.weight_average import WeightAverage

__all__ = [
    "CollapseWatch",
    "CustomModelCheckpoint",
    "DurableCheckpointIO",
    "FigureReports",
    "LogMetricsCallback",
    "WeightAverage",
]

"""Inference without the Trainer: transcripts with times, and export for other programs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference.recognizer import Recognizer
    from inference.transcript import Failure, Phoneme, Transcript

__all__ = ["Failure", "Phoneme", "Recognizer", "Transcript"]


def __getattr__(name: str) -> object:
    """The names on demand: n-gram models and output formats are there without torch."""
    if name not in __all__:
        raise AttributeError(f"module 'inference' has no attribute {name!r}")
    module = "inference.recognizer" if name == "Recognizer" else "inference.transcript"
    return getattr(import_module(module), name)

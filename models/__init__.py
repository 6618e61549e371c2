"""Batch → loss and tokens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.phoneme_recognizer import PhonemeRecognizer, Prediction

__all__ = ["PhonemeRecognizer", "Prediction"]


def __getattr__(name: str) -> object:
    """The LightningModule on demand: networks, front ends and decoding are there without Lightning."""
    if name not in __all__:
        raise AttributeError(f"module 'models' has no attribute {name!r}")
    from models import phoneme_recognizer

    return getattr(phoneme_recognizer, name)

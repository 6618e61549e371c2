"""Batch → loss and tokens."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.evaluated_model import Prediction
    from models.phoneme_recognizer import PhonemeRecognizer

__all__ = ["PhonemeRecognizer", "Prediction"]


def __getattr__(name: str) -> object:
    """The LightningModule on demand: networks, front ends and decoding are there without Lightning."""
    if name not in __all__:
        raise AttributeError(f"module 'models' has no attribute {name!r}")
    from models import evaluated_model, phoneme_recognizer

    return getattr(evaluated_model if name == "Prediction" else phoneme_recognizer, name)

"""Batch → loss and tokens."""

from models.phoneme_recognizer import PhonemeRecognizer, Prediction

__all__ = ["PhonemeRecognizer", "Prediction"]

"""Inference without the Trainer: transcripts with times, and export for other programs."""

from inference.recognizer import Recognizer
from inference.transcript import Failure, Phoneme, Transcript

__all__ = ["Failure", "Phoneme", "Recognizer", "Transcript"]

"""A CTC model as Hugging Face keeps it: its files, its tokens, its audio format."""

from models.huggingface.source import HuggingFaceModel

__all__ = ["HuggingFaceModel"]

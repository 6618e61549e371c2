"""Whether a device holds a training step on a batch; tried without a trace in weights or randomness."""

import gc
from typing import TYPE_CHECKING

import numpy as np
import torch

from dataset_modules.batches.batch import Batch

if TYPE_CHECKING:
    from models.phoneme_recognizer import PhonemeRecognizer

_STATE_NUMBERS = 2  # per parameter that trains, as AdamW keeps them
_SAMPLES_PER_LABEL = 1600  # ten phonemes a second


def noise_batch(
    num_clips: int,
    num_samples: int,
    vocab_size: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Clips of one length with labels as dense as speech has them."""
    num_labels = max(1, num_samples // _SAMPLES_PER_LABEL)
    labels = torch.arange(num_labels, device=device) % (vocab_size - 1) + 1
    return Batch(
        torch.randn(num_clips, num_samples, device=device, dtype=dtype),
        torch.full((num_clips,), num_samples, device=device),
        labels.expand(num_clips, -1).contiguous(),
        torch.full((num_clips,), num_labels, device=device),
        ("",) * num_clips,
        num_samples=np.full(num_clips, num_samples),
        num_labels=np.full(num_clips, num_labels),
    )


def fits(model: "PhonemeRecognizer", num_clips: int, num_samples: int) -> bool:
    """Whether a forward and a backward pass over so many clips go through, beside the optimizer's state."""
    with torch.random.fork_rng(enabled=True):
        try:
            _rehearse(model, num_clips, num_samples)
        except torch.OutOfMemoryError:
            return False
        finally:
            model.zero_grad(set_to_none=True)
            gc.collect()  # the failed pass's tensors hang on its traceback
            if model.device.type == "cuda":
                torch.cuda.empty_cache()
    return True


def _rehearse(model: "PhonemeRecognizer", num_clips: int, num_samples: int) -> None:
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    reserve = torch.empty(_STATE_NUMBERS * trainable, device=model.device)
    dtype = next(parameter.dtype for parameter in model.parameters() if parameter.is_floating_point())
    batch = noise_batch(num_clips, num_samples, len(model.vocabulary), model.device, dtype)
    with model.trainer.precision_plugin.forward_context():
        loss = model.loss_of(batch)
    loss.backward()
    del reserve

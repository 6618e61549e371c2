"""Whether a device has memory for a training step; a trial leaves no trace in weights or randomness."""

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor, nn

from dataset_modules.batches.batch import Batch

_STATE_NUMBERS = 2  # per trainable parameter, as AdamW keeps them
_SAMPLES_PER_LABEL = 1600  # ten phonemes a second


def noise_batch(
    num_clips: int,
    num_samples: int,
    vocab_size: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Return clips of one length, with labels as dense as those of speech."""
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


def fits_in_memory(
    module: nn.Module,
    loss_of: Callable[[Batch], Tensor],
    vocab_size: int,
    autocast: Callable[[], AbstractContextManager[object]],  # that the Trainer runs forward passes in
    num_clips: int,
    num_samples: int,  # of each clip
) -> bool:
    """Return whether forward and backward passes succeed beside a stand-in for the optimizer's state."""
    first = next(value for value in module.parameters() if value.is_floating_point())
    trainable = sum(value.numel() for value in module.parameters() if value.requires_grad)

    def step() -> None:
        reserve = torch.empty(_STATE_NUMBERS * trainable, device=first.device)
        batch = noise_batch(num_clips, num_samples, vocab_size, first.device, first.dtype)
        with autocast():
            loss = loss_of(batch)
        loss.backward()
        del reserve

    with torch.random.fork_rng(enabled=True):
        try:
            step()
        except torch.OutOfMemoryError:
            return False
        finally:
            module.zero_grad(set_to_none=True)
            gc.collect()  # the traceback of the failed pass holds its tensors
            if first.device.type == "cuda":
                torch.cuda.empty_cache()
    return True

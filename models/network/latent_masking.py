"""Stretches of time masked inside the encoder (SpecAugment), safe on clips of any length.

transformers draws at least two stretches of ten frames: these can mask a short clip completely, and a batch
shorter than one stretch raises. Here its function draws the masks, and a clip loses its mask if more than
half of it would be masked.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.network.frontend import length_mask

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_MOST_OF_A_CLIP = 0.5


class LatentMasking:
    """Hands masks to an encoder, which else would draw its own.

    Args:
        network: the network with the encoder; its configuration sets the share.
        compiles: whether masks go through a compiled encoder.
    """

    def __init__(self, network: "PreTrainedModel", *, compiles: bool = False) -> None:
        self.config = network.config
        self.compiles = compiles
        self.factor = 1.0  # of the share of frames that is masked
        # Of the forward pass to come: (B, F), or the rows and frames that are masked.
        self._mask: Tensor | tuple[Tensor, ...] | None = None
        network.base_model.register_forward_pre_hook(self._hand_over, with_kwargs=True)

    def draw(
        self,
        frames: Tensor,  # of each clip, (B,), on the host
        num_frames: int,  # of the padded batch
        *,
        with_lengths: bool,  # whether the encoder knows the clips' lengths; else padding is masked alike
        device: torch.device,
    ) -> None:
        """Draw the mask of the next forward pass; nothing here waits for the device."""
        mask = time_mask(self.config, frames, num_frames, with_lengths=with_lengths, factor=self.factor)
        if self.compiles:  # compiled code multiplies by the mask: its number of frames does not matter
            self._mask = mask.to(device, non_blocking=True)
        else:  # indexing by a mask makes the host wait for the device; positions are computed on the host
            positions = mask.nonzero(as_tuple=True)
            self._mask = tuple(axis.to(device, non_blocking=True) for axis in positions)

    def skip(self) -> None:
        """Mask nothing in the next forward pass."""
        self._mask = None

    def _hand_over(
        self, module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return arguments, keywords if self._mask is None else {**keywords, "mask_time_indices": self._mask}


def time_mask(
    config: "PretrainedConfig", frames: Tensor, num_frames: int, *, with_lengths: bool, factor: float = 1.0
) -> Tensor:
    """Return which frames are masked, (B, F), drawn from NumPy's global generator, as transformers does.

    No clip loses more than half of its frames: where it would, nothing of it is masked.
    """
    from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices

    if num_frames <= config.mask_time_length:
        return torch.zeros(len(frames), num_frames, dtype=torch.bool, device=frames.device)
    real = length_mask(frames, num_frames)
    drawn = _compute_mask_indices(
        (len(frames), num_frames),
        mask_prob=min(1.0, factor * config.mask_time_prob),
        mask_length=config.mask_time_length,
        attention_mask=real if with_lengths else None,
        min_masks=config.mask_time_min_masks,
    )
    mask = torch.from_numpy(drawn).to(frames.device)
    is_crowded = (mask & real).sum(dim=1) > _MOST_OF_A_CLIP * frames
    return mask & ~is_crowded[:, None]


def check_masking(config: "PretrainedConfig") -> None:
    """Refuse masks that cannot be drawn; else the first step of training would."""
    for axis in ("time", "feature"):
        share, length = getattr(config, f"mask_{axis}_prob", 0.0), getattr(config, f"mask_{axis}_length", 1)
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"model: network_config: mask_{axis}_prob must lie in 0…1, got {share}")
        if share > 0 and length < 1:
            raise ValueError(f"model: network_config: mask_{axis}_length must be at least 1, got {length}")
    if config.mask_feature_prob > 0 and config.mask_feature_length > config.hidden_size:
        raise ValueError(
            f"model: network_config: mask_feature_length must be at most hidden_size "
            f"({config.hidden_size}), got {config.mask_feature_length}"
        )

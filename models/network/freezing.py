"""Freezing that saves: no gradients, no stored activations, no optimizer state, no dropout."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from torch import nn

from models.network.pretrained import feature_extractor_of, transformer_parts_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def frozen_parts(
    network: "PreTrainedModel", *, feature_extractor: bool, transformer: bool
) -> list[nn.Module]:
    """The modules that stay as they are."""
    extractor = feature_extractor_of(network)
    frozen = [extractor] if feature_extractor and extractor is not None else []
    return [*frozen, *transformer_parts_of(network)] if transformer else frozen


def freeze(network: "PreTrainedModel", *, feature_extractor: bool, transformer: bool) -> list[nn.Module]:
    """Take gradients off the frozen parts; return them, so that they can be kept in eval mode."""
    parts = frozen_parts(network, feature_extractor=feature_extractor, transformer=transformer)
    for part in parts:
        part.requires_grad_(False)
    if feature_extractor and hasattr(network, "freeze_feature_encoder"):
        network.freeze_feature_encoder()  # else it asks for gradients of its own input
    if transformer:
        network.config.apply_spec_augment = False  # a frozen encoder hears every frame
    return parts


def settle_masking(network: "PreTrainedModel") -> bool:
    """Whether training masks stretches of time; the mask's embedding trains only if it does."""
    if not hasattr(network.config, "mask_feature_min_masks"):  # WavLM reads it, and does not have it
        network.config.mask_feature_min_masks = 0
    masks = bool(network.config.apply_spec_augment) and network.config.mask_time_prob > 0
    embedding = getattr(network.base_model, "masked_spec_embed", None)
    if embedding is not None:
        embedding.requires_grad_(masks)
    return masks and embedding is not None


def keep_in_eval_mode(parts: Iterable[nn.Module]) -> None:
    """Call after every ``train()``: a frozen part must not drop out units or mask frames."""
    for part in parts:
        part.eval()

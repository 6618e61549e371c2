"""A network as configured: built, frozen, with its switches set.

Freezing saves gradients, stored activations and optimizer state, and leaves dropout off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from models.network.acoustic_forward import AcousticForward
from models.network.additions.low_rank import LowRankAdapter, add_low_rank
from models.network.attention import AttentionName, check_attention
from models.network.frontend import WaveformFrontend
from models.network.latent_masking import LatentMasking
from models.network.pretrained import (
    MEL_FAMILY,
    FrozenPart,
    build_network,
    feature_extractor_of,
    transformer_parts_of,
)
from models.network.pretrained_head import CarriedHead
from models.network.quick_dropout import quicken_dropout
from models.network.trained_parts import check_unfreezing

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


@dataclass(frozen=True)
class NetworkSwitches:
    """The options of ``PhonemeRecognizer`` beside the network's architecture."""

    freeze_feature_extractor: bool
    freeze_transformer: bool
    attention: AttentionName | None
    compiles: bool
    gradient_checkpointing: bool
    cache_encoder: bool | None
    adapter: LowRankAdapter | None = None
    unfreeze: Mapping[int, str] | None = None

    def check(self, config: "PretrainedConfig", *, uses_attention_mask: bool) -> None:
        """Refuse what a network of this architecture lacks; build nothing."""
        check_attention(config, self.attention)
        if self.adapter is not None:
            if self.freeze_transformer:
                raise ValueError("model: adapter trains in the encoder, freeze_transformer: true freezes all")
            self.adapter.check(config)
        if self.unfreeze is not None:
            check_unfreezing(
                self.unfreeze,
                config,
                freeze_feature_extractor=self.freeze_feature_extractor,
                freeze_transformer=self.freeze_transformer,
                has_adapter=self.adapter is not None,
            )
        if self.cache_encoder and self.kept_part(config, uses_attention_mask=uses_attention_mask) is None:
            raise ValueError(
                "model: cache_encoder: true needs freeze_feature_extractor: true and, for networks whose "
                "convolutions are not normed frame by frame (feat_extract_norm: layer) or that have none, "
                "freeze_transformer: true; got "
                f"{str(self.freeze_feature_extractor).lower()} and {str(self.freeze_transformer).lower()}"
            )

    def kept_part(self, config: "PretrainedConfig", *, uses_attention_mask: bool) -> FrozenPart | None:
        """Return the part whose features may be cached; None where there is none."""
        if self.cache_encoder is False:
            return None
        has_convolutions = config.model_type != MEL_FAMILY
        if has_convolutions and not self.freeze_feature_extractor:
            return None
        if self.freeze_transformer:
            return "encoder"
        # A norm over time, or an encoder without masks, makes features depend on the batch's padding.
        is_by_frame = getattr(config, "feat_extract_norm", None) == "layer" and uses_attention_mask
        return "convolutions" if has_convolutions and is_by_frame else None


def build_acoustic(
    config: "PretrainedConfig",
    pretrained_name: str | None,  # where weights come from; None leaves them random
    frontend: WaveformFrontend,
    switches: NetworkSwitches,
    *,
    uses_attention_mask: bool,
    is_shared: bool,  # whether several processes train it together
    head: CarriedHead | None = None,
    least_share: float = 0.0,
) -> tuple[AcousticForward, list[nn.Module]]:
    """Build a network in training mode, and its forward pass; return this and the frozen parts."""
    network = build_network(
        config, pretrained_name, switches.attention, head=head, least_share=least_share
    ).train()
    quicken_dropout(network)
    frozen = freeze(network, switches)
    keep_in_eval_mode(frozen)  # Lightning keeps the modes it finds
    masks = settle_masking(network)
    if switches.adapter is not None:
        for part in transformer_parts_of(network):
            part.requires_grad_(False)
        for parameter in network.base_model.parameters(recurse=False):  # the embedding of masks
            parameter.requires_grad_(False)
        add_low_rank(network, switches.adapter)
    masking = LatentMasking(network, compiles=switches.compiles) if masks else None
    if is_shared:
        network.config.layerdrop = 0.0  # a dropped layer leaves gradients that other ranks wait for
    if switches.gradient_checkpointing:
        network.gradient_checkpointing_enable({"use_reentrant": False})
    acoustic = AcousticForward(
        network,
        frontend,
        uses_attention_mask=uses_attention_mask,
        masking=masking,
        kept_part=switches.kept_part(config, uses_attention_mask=uses_attention_mask),
        compiles=switches.compiles,
    )
    return acoustic, frozen


def freeze(network: "PreTrainedModel", switches: NetworkSwitches) -> list[nn.Module]:
    """Take gradients off the frozen parts; return them, so that they can be kept in eval mode."""
    extractor = feature_extractor_of(network)
    parts = [extractor] if switches.freeze_feature_extractor and extractor is not None else []
    if switches.freeze_transformer:
        parts += transformer_parts_of(network)
        network.config.apply_spec_augment = False  # nothing is masked in a frozen encoder
    for part in parts:
        part.requires_grad_(False)
    if switches.freeze_feature_extractor and hasattr(network, "freeze_feature_encoder"):
        network.freeze_feature_encoder()  # else it computes gradients of its input
    return parts


def settle_masking(network: "PreTrainedModel") -> bool:
    """Return whether training masks stretches of time; the mask's embedding trains only if it does."""
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

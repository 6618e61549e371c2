"""A network as the configuration wants it: built, frozen, with its switches set, ready to hear batches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from models.network.acoustic_forward import AcousticForward
from models.network.attention import AttentionName, check_attention
from models.network.freezing import freeze, keep_in_eval_mode, settle_masking
from models.network.frontend import WaveformFrontend
from models.network.latent_masking import LatentMasking
from models.network.pretrained import FrozenPart, build_network
from models.network.quick_dropout import quicken_dropout

if TYPE_CHECKING:
    from transformers import PretrainedConfig


_HEARS_FEATURES = "wav2vec2-bert"  # no convolutions over samples: nothing of them to freeze


class Built(NamedTuple):
    """A network that hears batches, and its parts that stay as they are."""

    acoustic: AcousticForward
    frozen: list[nn.Module]


@dataclass(frozen=True)
class NetworkSwitches:
    """What the configuration says of a network beside its architecture.

    Args:
        freeze_feature_extractor: leave the convolutions as they are.
        freeze_transformer: leave everything between the convolutions and the head as it is.
        attention: how it is computed.
        compiles: whether training goes through ``torch.compile``.
        gradient_checkpointing: compute activations anew in the backward pass.
        cache_encoder: whether what the frozen part of the encoder makes of utterances is kept.
    """

    freeze_feature_extractor: bool
    freeze_transformer: bool
    attention: AttentionName | None
    compiles: bool
    gradient_checkpointing: bool
    cache_encoder: bool | None

    def check(self, config: "PretrainedConfig", *, uses_attention_mask: bool) -> None:
        """Refuse what a network of this architecture has not; nothing is built."""
        check_attention(config, self.attention)
        if self.cache_encoder and self.kept_part(config, uses_attention_mask=uses_attention_mask) is None:
            raise ValueError(
                "model: cache_encoder: true needs freeze_feature_extractor: true and, for networks whose "
                "convolutions are not normed frame by frame (feat_extract_norm: layer) or that have none, "
                "freeze_transformer: true; got "
                f"{str(self.freeze_feature_extractor).lower()} and {str(self.freeze_transformer).lower()}"
            )

    def kept_part(self, config: "PretrainedConfig", *, uses_attention_mask: bool) -> FrozenPart | None:
        """What can be asked once for all epochs, the configuration willing."""
        if self.cache_encoder is False:
            return None
        has_convolutions = config.model_type != _HEARS_FEATURES
        if has_convolutions and not self.freeze_feature_extractor:
            return None
        if self.freeze_transformer:
            return "encoder"
        # A norm over time hears padding, as encoders without masks do: what they make depends on the batch.
        is_by_frame = getattr(config, "feat_extract_norm", None) == "layer" and uses_attention_mask
        return "convolutions" if has_convolutions and is_by_frame else None


def build_acoustic(
    config: "PretrainedConfig",
    pretrained_name: str | None,
    frontend: WaveformFrontend,
    switches: NetworkSwitches,
    *,
    uses_attention_mask: bool,
    is_shared: bool,
) -> Built:
    """Build a network in training mode.

    Args:
        config: its architecture.
        pretrained_name: where its weights come from; None leaves them random.
        frontend: what it hears.
        switches: what freezes, and how it computes.
        uses_attention_mask: whether padding is masked.
        is_shared: whether several processes train it together.
    """
    network = build_network(config, pretrained_name, switches.attention).train()
    quicken_dropout(network)
    frozen = freeze(
        network,
        feature_extractor=switches.freeze_feature_extractor,
        transformer=switches.freeze_transformer,
    )
    keep_in_eval_mode(frozen)  # Lightning keeps the modes it finds
    masks = settle_masking(network)
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
    return Built(acoustic, frozen)

"""How attention is computed: by name, refused early where the network or the machine has it not."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from models.network.quick_dropout import draws_quickly, quick_dropout

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

AttentionName = Literal["sdpa", "flash_attention_2", "eager"]
_OWN_SDPA = "sdpa_unasked_quick_dropout"


def check_attention(config: "PretrainedConfig", attention: AttentionName | None) -> None:
    """Refuse an implementation that the network or the machine lacks; build nothing."""
    if attention in (None, "eager"):
        return
    from transformers import MODEL_FOR_CTC_MAPPING

    family = MODEL_FOR_CTC_MAPPING[type(config)]
    has = {"sdpa": family._supports_sdpa, "flash_attention_2": family._supports_flash_attn}
    offered = [name for name, supported in has.items() if supported]
    if attention not in offered:
        raise ValueError(
            f"model: attention must be one of {', '.join([*offered, 'eager'])} or null for "
            f"{config.model_type} models, got {attention!r}"
        )
    if attention == "flash_attention_2" and not (find_spec("flash_attn") and torch.cuda.is_available()):
        raise ValueError(
            "model: attention flash_attention_2 needs a CUDA device and the package flash-attn; "
            "null takes what there is"
        )


def settle_attention(network: "PreTrainedModel") -> None:
    """Let scaled-dot-product attention take the mask it is given, and draw its dropout quickly.

    Otherwise each forward pass checks the mask for padding, and waits for the device.
    """
    if network.config._attn_implementation != "sdpa":
        return
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_OWN_SDPA, _attend)
    AttentionMaskInterface.register(_OWN_SDPA, _whole_mask)
    network.set_attn_implementation(_OWN_SDPA)


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **keywords: Any,  # noqa: ANN401 - transformers' protocol
) -> tuple[Tensor, None]:
    """Return the attended values of each query, (B, F, heads, width)."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    # There torch goes step by step, too. Half numbers it multiplies as whole ones, and so better.
    if dropout > 0.0 and draws_quickly(query) and query.dtype in (torch.float32, torch.float64):
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        return attend_with_dropout(query, key, value, attention_mask, dropout, scale), None
    return sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **keywords
    )


def attend_with_dropout(
    query: Tensor,  # (B, heads, F, width), as key and value
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,  # (B, 1, 1 or F, F); true at attended frames, or numbers to add to the scores
    dropout: float,
    scale: float,
) -> Tensor:
    """Return the attended values of encoders, whose attention goes both ways, (B, F, heads, width)."""
    scores = (query * scale) @ key.transpose(-2, -1)  # (B, heads, F, F)
    if mask is not None and mask.dtype == torch.bool:
        # The least number, not minus infinity: a query that attends to nothing must not become NaN. It is
        # added, because filling the scores of all heads takes longer, and copies their gradient.
        mask = torch.zeros_like(mask, dtype=scores.dtype).masked_fill_(~mask, torch.finfo(scores.dtype).min)
    if mask is not None:
        scores += mask
    weights = quick_dropout(scores.softmax(dim=-1), dropout)
    return (weights @ value).transpose(1, 2).contiguous()


def _whole_mask(*arguments: Any, **keywords: Any) -> torch.Tensor | None:  # noqa: ANN401 - transformers' protocol
    from transformers.masking_utils import sdpa_mask

    padding = keywords.get("attention_mask")
    skips = padding is None and keywords.get("allow_is_bidirectional_skip", False)
    mask: torch.Tensor | None = sdpa_mask(*arguments, **{**keywords, "allow_is_bidirectional_skip": skips})
    return mask

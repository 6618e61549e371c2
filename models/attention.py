"""How attention is computed: by name, refused early where the network or the machine has it not."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

AttentionName = Literal["sdpa", "flash_attention_2", "eager"]
_UNASKED_SDPA = "sdpa_unasked"


def check_attention(config: "PretrainedConfig", attention: AttentionName | None) -> None:
    """Refuse what there is not; nothing is built."""
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


def ask_no_masks(network: "PreTrainedModel") -> None:
    """Let scaled-dot-product attention take the mask it is given.

    Else each forward asks the mask whether it holds any padding, and waits for the device's answer.
    """
    if network.config._attn_implementation != "sdpa":
        return
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    AttentionInterface.register(_UNASKED_SDPA, sdpa_attention_forward)
    AttentionMaskInterface.register(_UNASKED_SDPA, _whole_mask)
    network.set_attn_implementation(_UNASKED_SDPA)


def _whole_mask(*arguments: Any, **keywords: Any) -> torch.Tensor | None:  # noqa: ANN401 - transformers' protocol
    from transformers.masking_utils import sdpa_mask

    padding = keywords.get("attention_mask")
    skips = padding is None and keywords.get("allow_is_bidirectional_skip", False)
    mask: torch.Tensor | None = sdpa_mask(*arguments, **{**keywords, "allow_is_bidirectional_skip": skips})
    return mask

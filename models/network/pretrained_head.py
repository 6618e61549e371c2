"""The head of a pretrained network: new, kept whole, or carried over row by row to another vocabulary.

With it goes what depends on its vocabulary or lies beside it: the network's extensions.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from models.network.additions.extension import SelfConditioning

if TYPE_CHECKING:
    from transformers import PreTrainedModel

HEAD, CONDITIONING, MIX = "lm_head", "self_conditioning", "dropout.mix"


class CarriedHead(NamedTuple):
    """What is kept of a pretrained head.

    Args:
        num_tokens: its rows.
        rows: pairs of a row of the new head and of the pretrained one; None keeps the whole head.
    """

    num_tokens: int
    rows: tuple[tuple[int, int], ...] | None = None


def is_above_encoder(name: str) -> bool:
    """Return whether a parameter of a network belongs to the head or an extension, not to the encoder."""
    return name.startswith((HEAD, CONDITIONING, MIX))


def reset_extensions(network: "PreTrainedModel", lacking: Iterable[str]) -> None:
    """Let extensions that pretrained weights lack start as if they were not there."""
    for name in lacking:
        if name.startswith((CONDITIONING, MIX)):
            nn.init.zeros_(network.get_parameter(name))


def renew_head(network: "PreTrainedModel") -> None:
    """Start the head anew: a pretrained one has another vocabulary, even where its size is the same."""
    head = getattr(network, HEAD)
    nn.init.normal_(head.weight, std=network.config.initializer_range)
    nn.init.zeros_(head.bias)
    if hasattr(network, CONDITIONING):
        nn.init.zeros_(getattr(network, CONDITIONING).weight)


def carry_rows(network: "PreTrainedModel", rows: Sequence[tuple[int, int]], num_tokens: int) -> None:
    """Replace the head by a new one of another size that has these rows of the old one."""
    old, fed_back = getattr(network, HEAD), getattr(network, CONDITIONING, None)
    setattr(network, HEAD, nn.Linear(old.in_features, num_tokens, dtype=old.weight.dtype))
    if fed_back is not None:
        setattr(network, CONDITIONING, SelfConditioning(num_tokens, old.in_features))
    network.config.vocab_size = num_tokens
    renew_head(network)
    head = getattr(network, HEAD)
    with torch.no_grad():
        for row, source in rows:
            head.weight[row], head.bias[row] = old.weight[source], old.bias[source]
            if fed_back is not None:
                getattr(network, CONDITIONING).weight[row] = fed_back.weight[source]

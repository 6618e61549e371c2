"""The head of a pretrained network: new, kept whole, or carried over row by row to another vocabulary."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

HEAD = "lm_head"


class CarriedHead(NamedTuple):
    """What is kept of a pretrained head.

    Args:
        num_tokens: its rows.
        rows: pairs of a row of the new head and of the pretrained one; None keeps the whole head.
    """

    num_tokens: int
    rows: tuple[tuple[int, int], ...] | None = None


def renew_head(network: "PreTrainedModel") -> None:
    """Start the head anew: a pretrained one has another vocabulary, even where its size is the same."""
    head = getattr(network, HEAD)
    nn.init.normal_(head.weight, std=network.config.initializer_range)
    nn.init.zeros_(head.bias)


def carry_rows(network: "PreTrainedModel", rows: Sequence[tuple[int, int]], num_tokens: int) -> None:
    """Replace the head by a new one of another size that has these rows of the old one."""
    old = getattr(network, HEAD)
    setattr(network, HEAD, nn.Linear(old.in_features, num_tokens, dtype=old.weight.dtype))
    network.config.vocab_size = num_tokens
    renew_head(network)
    head = getattr(network, HEAD)
    with torch.no_grad():
        for row, source in rows:
            head.weight[row], head.bias[row] = old.weight[source], old.bias[source]

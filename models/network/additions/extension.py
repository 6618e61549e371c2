"""What a network has beyond its family: self-conditioned layers, and a mix of all layers below the head.

This file needs torch alone: an export to Hugging Face copies it into the folder of the model.
"""

from collections import OrderedDict
from contextvars import ContextVar
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

SELF_CONDITIONED, LAYER_MIX = "self_conditioned_layers", "layer_mix"  # keys of a network's configuration
# The states of the layers in the forward pass that runs; each thread has a separate list.
_states: ContextVar[list[Tensor] | None] = ContextVar("_states", default=None)


class SelfConditioning(nn.Module):
    """Adds the expected row of the recognised token to each state; rows of zero change nothing.

    Args:
        num_tokens: the size V of the vocabulary.
        width: the size H of a state.
    """

    def __init__(self, num_tokens: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_tokens, width))

    def forward(self, states: Tensor, logits: Tensor) -> Tensor:
        """Return states (B, F, H), conditioned on logits (B, F, V)."""
        return states + logits.softmax(dim=-1) @ self.weight


class LayerMix(nn.Module):
    """A weighted sum of the states of all layers, with equal weights at the start.

    Args:
        num_layers: the number N of layers.
        width: the size H of a state.
    """

    def __init__(self, num_layers: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.zeros(num_layers))

    @property
    def shares(self) -> Tensor:
        """The layers' shares in the sum, (N,)."""
        return self.weight.softmax(dim=0)

    def forward(self, states: Tensor) -> Tensor:
        """Return the sum, (B, F, H), of states (B, F, N·H), layer by layer; those of one layer pass."""
        if states.shape[-1] == self.width:
            return states
        return self.shares @ states.unflatten(-1, (-1, self.width))


def extend(network: Any) -> None:  # noqa: ANN401 - a CTC network of transformers
    """Add what the network's configuration names; a network without such keys stays as it is."""
    config, layers = network.config, network.base_model.encoder.layers
    # Hooks are bound to the network and not closures over it, so that a copy of the network uses the copy.
    if conditioned := getattr(config, SELF_CONDITIONED, None):
        network.self_conditioning = SelfConditioning(config.vocab_size, config.hidden_size)
        for number in conditioned:
            layers[number - 1].register_forward_hook(MethodType(_condition, network))
    if getattr(config, LAYER_MIX, False):
        config.layerdrop = 0.0  # the sum needs the states of every layer
        parts = {"mix": LayerMix(len(layers), config.hidden_size), "dropout": network.dropout}
        network.dropout = nn.Sequential(OrderedDict(parts))
        network.base_model.register_forward_pre_hook(_start)
        for layer in layers:
            layer.register_forward_hook(_keep)
        network.base_model.register_forward_hook(MethodType(_stack, network))


def normed_states(network: Any, states: Tensor) -> Tensor:  # noqa: ANN401
    """Return a layer's states as the head expects them: normed, where the encoder norms its output."""
    is_normed = getattr(network.config, "do_stable_layer_norm", False)
    normed: Tensor = network.base_model.encoder.layer_norm(states) if is_normed else states
    return normed


def num_mixed_layers(network: Any) -> int:  # noqa: ANN401
    """Return how many states of a frame the encoder's output holds, one beside the other."""
    return len(network.dropout.mix.weight) if getattr(network.config, LAYER_MIX, False) else 1


def layer_shares(network: Any) -> dict[str, Tensor]:  # noqa: ANN401
    """Return the share of each layer in the mix below the head, by name; empty without a mix."""
    if not getattr(network.config, LAYER_MIX, False):
        return {}
    shares = network.dropout.mix.shares.detach()
    return {f"layer_{number}_share": share for number, share in enumerate(shares, start=1)}


def states_of(output: Any) -> Tensor:  # noqa: ANN401 - what a layer returns
    """Return the states, (B, F, H), in the output of a layer, which may hold more than these."""
    states: Tensor = output[0] if isinstance(output, tuple) else output
    return states


def _condition(network: Any, layer: object, arguments: object, output: Any) -> Any:  # noqa: ANN401
    states = states_of(output)
    conditioned = network.self_conditioning(states, network.lm_head(normed_states(network, states)))
    return (conditioned, *output[1:]) if isinstance(output, tuple) else conditioned


def _start(encoder: object, arguments: object) -> None:
    _states.set([])


def _keep(layer: object, arguments: object, output: Any) -> None:  # noqa: ANN401
    found = _states.get()
    if found is not None:  # None where activations are computed once more, for the gradient
        found.append(states_of(output))


def _stack(network: Any, encoder: object, arguments: object, output: Any) -> Any:  # noqa: ANN401
    found = _states.get() or []
    _states.set(None)
    output.last_hidden_state = torch.cat([normed_states(network, states) for states in found], dim=-1)
    return output

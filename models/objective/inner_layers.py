"""CTC losses of inner layers: the network must recognise early, and later layers refine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


@dataclass(frozen=True)
class IntermediateCTC:
    """CTC over the states of inner layers, through the same head; only in training.

    Args:
        layers: numbers of the layers whose states are used; the first layer is 1.
        weight: their share w of the loss, (1 - w) · last layer + w · mean of the inner ones.
    """

    layers: list[int]
    weight: float = 0.3

    def __post_init__(self) -> None:
        if not 0.0 <= self.weight < 1.0:
            raise ValueError(f"model: intermediate_ctc: weight must lie in 0…1, below 1, got {self.weight}")
        if not self.layers or len(set(self.layers)) != len(self.layers):
            raise ValueError(
                f"model: intermediate_ctc: layers must be numbers of different layers, got {self.layers}"
            )

    def check(self, config: "PretrainedConfig", *, is_frozen: bool) -> None:
        """Refuse layers that the network lacks, and networks without states to use; build nothing."""
        last = config.num_hidden_layers
        if wrong := [layer for layer in self.layers if not 1 <= layer < last]:
            raise ValueError(
                f"model: intermediate_ctc: layers must lie in 1…{last - 1}, below the last of {last}, "
                f"got {wrong[0]}"
            )
        if getattr(config, "add_adapter", False):
            raise ValueError(
                "model: intermediate_ctc: an adapter changes the frames behind the layers; "
                "set network_config.add_adapter: false"
            )
        if is_frozen:
            raise ValueError("model: intermediate_ctc trains layers, freeze_transformer: true freezes all")


class InnerStates:
    """Takes the states of some layers during a forward pass, without changing it."""

    def __init__(self, network: "PreTrainedModel", layers: list[int]) -> None:
        encoder = network.base_model.encoder
        self._norm = encoder.layer_norm if getattr(network.config, "do_stable_layer_norm", False) else None
        self._taken: dict[int, Tensor] | None = None
        for number in layers:
            encoder.layers[number - 1].register_forward_hook(self._hook(number))

    def _hook(self, number: int) -> Any:  # noqa: ANN401 - torch's type of hooks
        def take(module: nn.Module, arguments: object, output: Tensor | tuple[Tensor, ...]) -> None:
            if self._taken is not None:
                self._taken[number] = output[0] if isinstance(output, tuple) else output

        return take

    @contextmanager
    def taken(self) -> Iterator[dict[int, Tensor]]:
        """Collect the states, (B, F, H), of a forward pass; a layer that was dropped has none."""
        found: dict[int, Tensor] = {}
        self._taken = found
        try:
            yield found
        finally:
            self._taken = None

    def normed(self, states: Tensor) -> Tensor:
        """Return states as the head expects them: normed, where the encoder norms its output."""
        return states if self._norm is None else self._norm(states)

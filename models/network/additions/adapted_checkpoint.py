"""The checkpoint of an adapted network: what it leaves out, and its way back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from models.network.additions.base_weights import BaseWeights
from models.network.additions.low_rank import LowRankAdapter
from models.weights import CHECKPOINT_KEY, NETWORK_PREFIX, CheckpointError, complete_state


def leave_base_out(
    checkpoint: dict[str, Any], adapter: LowRankAdapter | None, base: BaseWeights | None
) -> None:
    """Describe an adapter in a described checkpoint, and name the base model in place of its weights."""
    if adapter is not None:
        checkpoint[CHECKPOINT_KEY]["adapter"] = asdict(adapter)
    if base is not None:
        checkpoint[CHECKPOINT_KEY]["base"] = {"source": base.source, "digest": base.digest}
        for name in base.names:
            del checkpoint["state_dict"][f"{NETWORK_PREFIX}{name}"]


def put_base_in(
    checkpoint: dict[str, Any],
    own: Mapping[str, Tensor],
    adapter: LowRankAdapter | None,
    base: BaseWeights | None,
) -> BaseWeights | None:
    """Add a module's weights where a checkpoint leaves them out; return the base that it names.

    A checkpoint of another adapter or base is refused.
    """
    described = checkpoint.get(CHECKPOINT_KEY) or {}
    theirs, ours = described.get("adapter"), adapter and asdict(adapter)
    if theirs != ours:
        raise CheckpointError(
            f"ckpt_path: the checkpoint was trained with model.adapter: {theirs or 'null'}, "
            f"the configuration has {ours or 'null'}"
        )
    if not described.get("base"):
        return None
    checkpoint["state_dict"] = complete_state(checkpoint, own, "the checkpoint")
    return base

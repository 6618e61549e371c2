"""The frozen weights below an adapter: a checkpoint names the base model that has them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from models.network.additions.low_rank import is_of_adapter
from models.network.pretrained_head import is_above_encoder
from untrusted.shapes import conform_fields

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class BaseWeights(NamedTuple):
    """Frozen weights that a checkpoint leaves out."""

    source: str  # a hub id, or the path of a folder
    digest: str
    names: tuple[str, ...] = ()  # in the network's state dict

    @classmethod
    def described(cls, description: object) -> "BaseWeights | None":
        """Return the base that a checkpoint's description names; None where it leaves nothing out."""
        base = description.get("base") if isinstance(description, Mapping) else None
        if base is None:
            return None
        known = conform_fields(base, {"source": str, "digest": str})
        return cls(known.get("source", ""), known.get("digest", ""))

    @classmethod
    def of(cls, network: "PreTrainedModel", pretrained_name: str) -> "BaseWeights":
        """Find what of a network is as its base has it, and stays so."""
        trained = {name for name, value in network.named_parameters() if value.requires_grad}
        changed = trained | network.started_at_random
        encoder = _of_encoder(network.state_dict())
        kept = {name: value for name, value in encoder.items() if name not in changed}
        folder = Path(pretrained_name)
        source = str(folder.resolve()) if folder.is_dir() else pretrained_name
        return cls(source, digest_of(kept), tuple(kept))


def _of_encoder(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: value for n, value in state.items() if not (is_above_encoder(n) or is_of_adapter(n))}


def digest_of(weights: Mapping[str, Tensor]) -> str:
    """Return the digest of named values, whatever their order.

    >>> one, two = torch.ones(2), torch.zeros(1)
    >>> digest_of({"a": one, "b": two}) == digest_of({"b": two, "a": one}) != digest_of({"a": one})
    True
    """
    digest = hashlib.blake2b(digest_size=32)
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def check_base(source: str) -> None:
    """Refuse a base that is neither in its folder nor in the hub's cache: a checkpoint starts no download."""
    from huggingface_hub import try_to_load_from_cache

    if Path(source).is_dir():
        return
    is_id = "/" in source.strip("/") and not source.startswith(("/", ".", "~"))
    if not is_id or not isinstance(try_to_load_from_cache(source, "config.json"), str):
        remedy = f"run: hf download {source}" if is_id else "put it there"
        raise ValueError(f"its base model {source} is not on this machine; {remedy}")


def with_base(
    stored: Mapping[str, Tensor], own: Mapping[str, Tensor], base: BaseWeights, prefix: str = ""
) -> dict[str, Tensor]:
    """Return stored weights with those that they lack from a network's own; refuse another base.

    Their names have a prefix, which those in the digest have not.
    """
    inner = _of_encoder({name.removeprefix(prefix): value for name, value in own.items()})
    lacking = {name: value for name, value in inner.items() if f"{prefix}{name}" not in stored}
    if digest_of(lacking) != base.digest:
        raise ValueError(
            f"it holds an adapter over {base.source}, and the base weights here are others; "
            f"set model.pretrained_name to that model, unchanged"
        )
    return {**stored, **{f"{prefix}{name}": value for name, value in lacking.items()}}

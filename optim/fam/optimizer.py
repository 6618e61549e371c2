"""FAM: momentum that follows the spectrum of each gradient."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optim.checked_optimizer import CheckedOptimizer, require, require_non_negative, require_pole
from optim.fam.momentum_update import Row, per_row, update_rows
from optim.fam.recorder import FamRecorder
from optim.fam.spectrum import (
    HANDLERS,
    Handler,
    adapted_momentum,
    band_energies,
    boosted_momentum,
    sample,
    sample_numel,
)
from optim.param_groups import encoder_layer, kind_of
from optim.sharding import layout_of, sum_over_shards_


class NamedEntry(NamedTuple):
    """One parameter that has a gradient in this step, and how its spectrum is used."""

    param: Tensor
    grad: Tensor
    state: dict[str, Any]
    group: dict[str, Any]
    name: str
    handler: Handler
    boost: float

    @property
    def is_first(self) -> bool:
        """Whether the spectrum is used for the first time."""
        return bool(self.state["step"] == self.group["fam_start_step"] + 1)


class FAM(CheckedOptimizer):
    """Frequency-adaptive momentum: the noisier a gradient's spectrum, the more its update is smoothed.

    Args:
        params: Parameters, named parameters, or groups. A group may give its ``handler`` (``default``,
            ``conv``, ``attention``, ``embedding``); where it gives ``names`` instead, each parameter's
            handler follows from its name as in ``get_parameter_groups``.
        lr: Learning rate.
        alpha: Momentum that the spectrum starts from.
        beta: Smoothing of the band energies over steps.
        eps: Added to a spectrum's sum before division.
        weight_decay: Decay coupled with the gradient.
        n_bands: Number of frequency bands.
        fam_start_step: Steps of a parameter before its spectrum is used.
        min_size: Only parameters with more elements than this use their spectrum.
        layer_boost: Scale the change of momentum by depth, since lower layers react to particular bands more
            clearly: by 1.5 in the lowest encoder layer, falling evenly to 1 in the topmost, and by 1 outside
            the numbered layers. The result stays within 0.85 to 0.98. Needs parameter names.
        maximize: Ascend instead of descend.
        foreach: Update many tensors per call; ``False`` takes the single-tensor path.
        debug: Record bands and momentum of every tenth step to ``fam_debug.jsonl``.
        debug_dir: Folder of the record; an application may resolve a relative one in another folder.
        debug_interval: Steps between two writes of the record; the last part is written at exit.
    """

    exact_state = frozenset({"bands"})

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        alpha: float = 0.9,
        beta: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        n_bands: int = 8,
        fam_start_step: int = 100,
        min_size: int = 256,
        layer_boost: bool = False,
        maximize: bool = False,
        foreach: bool = True,
        debug: bool = False,
        debug_dir: str = "./fam_debug",
        debug_interval: int = 1000,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "beta": beta,
            "eps": eps,
            "weight_decay": weight_decay,
            "n_bands": n_bands,
            "fam_start_step": fam_start_step,
            "min_size": min_size,
            "layer_boost": layer_boost,
            "maximize": maximize,
            "foreach": foreach,
            "handler": None,
        }
        super().__init__(params, defaults)
        self._recorder = FamRecorder(debug_dir, debug_interval) if debug else None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_recorder": self._recorder}

    def _check_group(self, group: dict[str, Any]) -> None:
        owner = self._owner
        for name in ("lr", "eps", "weight_decay", "fam_start_step", "min_size"):
            require_non_negative(owner, name, group[name])
        require_pole(owner, "alpha", group["alpha"])
        require_pole(owner, "beta", group["beta"])
        require(group["n_bands"] >= 1, owner, "n_bands must be at least 1", group["n_bands"])
        handlers = (None, *HANDLERS)
        require(group["handler"] in handlers, owner, f"handler must be one of {HANDLERS}", group["handler"])
        names, size = _names(group), len(group["params"])
        if names is None:
            rule = "layer_boost needs parameter names: pass model.named_parameters() or groups with 'names'"
            require(not group["layer_boost"], owner, rule, group["layer_boost"])
        else:
            rule = f"a group of {size} parameters needs as many names"
            require(len(names) == size, owner, rule, len(names))

    def keep_record_in(self, folder: str) -> None:
        """Resolve a relative ``debug_dir`` in this folder."""
        if self._recorder is not None:
            self._recorder.move_to(folder)

    def _update(self) -> None:
        entries = list(self._named_entries())
        momenta: list[float | Tensor] = [entry.group["alpha"] for entry in entries]
        for indices in _spectrum_batches(entries):
            adapted = self._adapt([entries[index] for index in indices])
            for index, momentum in zip(indices, adapted, strict=True):
                momenta[index] = momentum
        update_rows(map(_row, entries, momenta))
        if self._recorder is not None and entries:
            self._recorder.flush_if_due(max(entry.state["step"] for entry in entries))

    def _new_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        state = {"momentum_buffer": torch.zeros_like(param)}
        if param.numel() > group["min_size"]:
            dtype = torch.promote_types(param.dtype, torch.float32)
            state["bands"] = torch.zeros(group["n_bands"], dtype=dtype, device=param.device)
        return state

    def _named_entries(self) -> Iterator[NamedEntry]:
        first, n_layers = 0, self._num_layers()
        for group in self.param_groups:
            names = _names(group)
            for index, param, grad, state in self._entries(group):
                name = names[index] if names else f"parameter.{first + index}"
                handler = group["handler"] or (kind_of(name).handler if names else "default")
                boost = layer_boost(name, n_layers) if group["layer_boost"] else 1.0
                yield NamedEntry(param, grad, state, group, name, handler, boost)
            first += len(group["params"])

    def _num_layers(self) -> int:
        if not any(group["layer_boost"] for group in self.param_groups):
            return 0
        layers = [encoder_layer(name) for group in self.param_groups for name in _names(group) or ()]
        return 1 + max((layer for layer in layers if layer is not None), default=-1)

    def _adapt(self, batch: list[NamedEntry]) -> Sequence[float | Tensor]:
        """Advance the smoothed bands of a batch and return each entry's momentum."""
        first, group = batch[0], batch[0].group  # the others have the same settings
        alpha, handler = group["alpha"], first.handler
        samples = sum_over_shards_(torch.stack([_sample(entry) for entry in batch]), first.param)
        energies = band_energies(samples, handler, group["n_bands"], group["eps"])  # (K, n_bands)
        stored = [entry.state["bands"] for entry in batch]
        bands = energies if first.is_first else torch.stack(stored).lerp_(energies, 1 - group["beta"])
        torch._foreach_copy_(stored, bands.unbind())
        momentum = adapted_momentum(bands, handler, alpha)  # (K,)
        if first.boost != 1:
            momentum = boosted_momentum(momentum, alpha, first.boost)
        if self._recorder is not None:
            named_steps = [(entry.name, entry.state["step"]) for entry in batch]
            self._recorder.add(named_steps, handler, alpha, bands, momentum)
        return per_row(momentum)


def layer_boost(name: str, n_layers: int) -> float:
    """Return the factor on a parameter's change of momentum: 1.5 in the lowest layer, 1 in the topmost.

    Example:
        >>> layer_boost("encoder.layers.0.attention.k_proj.weight", 12)
        1.5
        >>> layer_boost("lm_head.weight", 12)
        1.0
    """
    layer = encoder_layer(name)
    if layer is None or n_layers < 2:
        return 1.0
    return 1.5 - 0.5 * layer / (n_layers - 1)


def _names(group: dict[str, Any]) -> list[str] | None:
    return group.get("names") or group.get("param_names")


def _spectrum_batches(entries: list[NamedEntry]) -> Iterable[list[int]]:
    """Group the indices of the entries whose spectrum is due: each batch shares one FFT and its settings."""
    batches: dict[object, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        group, param = entry.group, entry.param
        if entry.state["step"] <= group["fam_start_step"] or param.numel() <= group["min_size"]:
            continue
        alone = None if group["foreach"] else index
        settings = tuple(group[name] for name in ("n_bands", "alpha", "beta", "eps"))
        place = (param.device, entry.state["bands"].dtype, layout_of(param))
        size = sample_numel(tuple(param.shape))
        batches[alone, size, entry.handler, entry.boost, entry.is_first, settings, place].append(index)
    return batches.values()


def _sample(entry: NamedEntry) -> Tensor:
    """Sample the decayed gradient."""
    taken = sample(entry.grad)
    if entry.group["maximize"]:
        taken = -taken
    decay = entry.group["weight_decay"]
    return taken.add(sample(entry.param), alpha=decay) if decay else taken


def _row(entry: NamedEntry, momentum: float | Tensor) -> Row:
    tensors = (entry.param, entry.grad, entry.state["momentum_buffer"])
    return Row.of(tensors, momentum, entry.group, entry.group["weight_decay"])

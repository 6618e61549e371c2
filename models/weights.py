"""Weights of one network for another: what fits by name and shape, heads mapped by phoneme."""

import hashlib
import logging
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.network.additions.base_weights import BaseWeights, with_base
from models.network.additions.low_rank import merged
from models.network.weight_files import why_no_checkpoint
from phonetics import Vocabulary, VocabularyError
from untrusted.printing import printable

log = logging.getLogger(__name__)

LEAST_FITTING_SHARE = 0.1  # of a network's parameters; less is the start of another network
NETWORK_PREFIX = "network."  # of a network's weights, in a checkpoint
CHECKPOINT_KEY = "phoneme_recognizer"  # where a checkpoint describes its weights
_MOST_PICKLE_BYTES = 256 * 2**20
_KINDS: dict[str, type] = {
    **{"epoch": int, "global_step": int, "pytorch-lightning_version": str},
    **{"loops": dict, "callbacks": dict, "optimizer_states": list, "lr_schedulers": list},
}
_SHAPES_SHOWN = 4
_HEAD_TENSORS = ("network.lm_head.weight", "network.lm_head.bias")
_TENSORS_BY_TOKEN = (*_HEAD_TENSORS, "network.self_conditioning.weight")


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message gives the reason."""


class DivergedError(RuntimeError):
    """Training cannot continue, or weights cannot be used: they are no numbers."""


def complete_state(
    checkpoint: Mapping[str, Any], own: Mapping[str, Tensor], source: object
) -> dict[str, Tensor]:
    """Return a checkpoint's weights, with those of its base from a module that was built over the same."""
    stored = dict(checkpoint["state_dict"])
    try:
        base = BaseWeights.described(checkpoint.get(CHECKPOINT_KEY))
        return stored if base is None else with_base(stored, own, base, NETWORK_PREFIX)
    except ValueError as error:
        raise CheckpointError(f"ckpt_path: {printable(source)}: {printable(error)}") from error


class Matching(NamedTuple):
    """Weights that fit, and the names of those that do not."""

    weights: dict[str, Tensor]
    unfitting: list[str]  # in both, of different shapes
    absent: list[str]  # not in the checkpoint
    unused: list[str]  # only in the checkpoint


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint without running code from it; refuse one that is damaged, or whose run diverged."""
    checkpoint = read_unverified(path)
    check_content(path, checkpoint)
    return checkpoint


def read_unverified(path: Path) -> dict[str, Any]:
    """Read a checkpoint without running code from it, and without reading its weights."""
    if reason := why_no_checkpoint(path):
        raise CheckpointError(reason)
    _check_archive(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"ckpt_path: {path} is damaged, or holds more than weights and numbers "
            f"(nothing in it was run): {reason}"
        ) from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise CheckpointError(
            f"ckpt_path: {path} must hold a state_dict, as Lightning's checkpoints do; it does not"
        )
    _check_types(checkpoint, path)
    return checkpoint


def _check_archive(path: Path) -> None:
    """Refuse an archive that would take more memory than the file: torch itself writes none."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return  # torch gives the reason
    grows = [entry.filename for entry in entries if entry.compress_type or _is_bulky(entry)]
    if grows:
        raise CheckpointError(
            f"ckpt_path: {printable(path)} is damaged: {printable(grows[0])} is compressed or too large"
        )


def _is_bulky(entry: zipfile.ZipInfo) -> bool:
    """Return whether the description of the content is larger than any that training writes."""
    return entry.filename.endswith(".pkl") and entry.file_size > _MOST_PICKLE_BYTES


def _check_types(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Refuse values of another kind than Lightning writes."""
    state = checkpoint["state_dict"]
    is_state = isinstance(state, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    )
    if not is_state:
        raise CheckpointError(f"ckpt_path: {printable(path)}: state_dict must hold tensors by name")
    for key, kind in _KINDS.items():
        if key in checkpoint and not isinstance(checkpoint[key], kind):
            raise CheckpointError(
                f"ckpt_path: {printable(path)}: {key} must be a {kind.__name__}, "
                f"it is a {type(checkpoint[key]).__name__}"
            )


def check_content(path: Path, checkpoint: Mapping[str, Any]) -> None:
    """Refuse a checkpoint whose bytes are not those that were written, which torch itself does not notice.

    Refuse one whose weights are no numbers, too.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            spoilt = archive.testzip()
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise CheckpointError(f"ckpt_path: {path} is damaged: {error}") from error
    if spoilt is not None:
        raise CheckpointError(f"ckpt_path: {path} is damaged: {spoilt} does not match its checksum")
    if not are_numbers(map(_stored, checkpoint["state_dict"].values())):
        raise CheckpointError(
            f"ckpt_path: {path} cannot be used: its weights are no numbers, its run diverged"
        )


def are_numbers(tensors: Iterable[Tensor]) -> bool:
    """Return whether all floating-point values are finite; a device is waited for once.

    >>> are_numbers([torch.ones(2), torch.tensor([1, 2])]), are_numbers([torch.tensor([float("nan")])])
    (True, False)
    """
    found = [value.detach().isfinite().all() for value in tensors if value.is_floating_point()]
    return all(bool(torch.stack(each).all()) for each in _by_device(found))


def _stored(value: Tensor) -> Tensor:
    """Return what the file holds of a tensor; repeated values may claim more memory than there is."""
    return value.new_empty(0).set_(value.untyped_storage())


def _by_device(values: Iterable[Tensor]) -> Iterable[list[Tensor]]:
    groups: dict[torch.device, list[Tensor]] = {}
    for value in values:
        groups.setdefault(value.device, []).append(value)
    return groups.values()


def checkpoint_digest(path: Path) -> str:
    """Return the digest of a checkpoint's content, whatever its name; an unchanged file is read once."""
    status = path.stat()
    return _digest(path.resolve(), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _digest(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 - they are part of the key
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def stored_vocabulary(checkpoint: Mapping[str, Any]) -> Vocabulary | None:
    """Return the vocabulary a checkpoint was trained with; None where it does not name it."""
    described = checkpoint.get(CHECKPOINT_KEY)
    if not described:
        return None
    tokens = described.get("vocabulary") if isinstance(described, Mapping) else None
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise CheckpointError("ckpt_path: the checkpoint's description must list its vocabulary, it does not")
    return Vocabulary(tuple(tokens))


def check_vocabulary(checkpoint: Mapping[str, Any], vocabulary: Vocabulary, source: object) -> None:
    """Refuse a checkpoint whose ids mean other phonemes."""
    stored = stored_vocabulary(checkpoint)
    head = checkpoint["state_dict"].get(_HEAD_TENSORS[0])
    size = len(stored) if stored else (len(head) if head is not None else len(vocabulary))
    if stored in (None, vocabulary) and size == len(vocabulary):
        return
    detail = f"it has {size} tokens, model.vocab_file has {len(vocabulary)}"
    if stored:
        different = sorted(set(stored.tokens) ^ set(vocabulary.tokens))[:8]
        detail += f", different ones: {different}" if different else ", in another order"
    raise VocabularyError(
        f"ckpt_path: {source} belongs to another vocabulary: {detail}; give its vocab_file, "
        f"or set only_weights_load: true and model.map_vocabulary: true"
    )


def check_fitting_share(share: float, least: float, source: object, differing: Sequence[str]) -> None:
    """Refuse weights of which too small a share of the parameters fits; name the shapes that differ.

    >>> check_fitting_share(0.01, 0.1, "a.ckpt", ["head (9, 4) is not (5, 4)"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.weights.CheckpointError: weights: a.ckpt fits 1.0 % of the network's parameters, ...
    """
    if share < least:
        shown = "; ".join(differing[:_SHAPES_SHOWN]) or "no name is the same"
        shown += f"; and {len(differing) - _SHAPES_SHOWN} more" if len(differing) > _SHAPES_SHOWN else ""
        raise CheckpointError(
            f"weights: {source} fits {100 * share:.1f} % of the network's parameters, the rest would start "
            f"at random; at least {100 * least:g} % must fit (model.least_fitting_share): {shown}"
        )


def match_weights(own: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Matching:
    """Compare two state dicts by name and shape."""
    shared = own.keys() & stored.keys()
    fitting = {name: stored[name] for name in own if name in shared and own[name].shape == stored[name].shape}
    return Matching(
        weights=fitting,
        unfitting=sorted(shared - fitting.keys()),
        absent=sorted(own.keys() - stored.keys()),
        unused=sorted(stored.keys() - own.keys()),
    )


def map_head(
    own: Mapping[str, Tensor], stored: Mapping[str, Tensor], rows: Sequence[tuple[int, int]]
) -> dict[str, Tensor]:
    """Head tensors with these rows of the stored head, the rest as is; pairs of own and stored rows."""
    mapped = {}
    for name in _TENSORS_BY_TOKEN:
        if name not in own or name not in stored or stored[name].shape[1:] != own[name].shape[1:]:
            continue  # no head, or one over an encoder of another width
        mapped[name] = own[name].clone()
        for row, source_row in rows:
            mapped[name][row] = stored[name][source_row]
    return mapped


def load_matching(
    module: nn.Module,
    path: Path,
    vocabulary: Vocabulary,
    *,
    rows_from: Callable[[Vocabulary], Sequence[tuple[int, int]]] | None = None,
    least_share: float = LEAST_FITTING_SHARE,
) -> None:
    """Load the weights that fit; log the others.

    ``rows_from`` pairs the rows of the head with those of another vocabulary's, which is refused otherwise.
    ``CheckpointError`` where less than ``least_share`` of the module's parameters fits.
    """
    checkpoint = read_checkpoint(path)
    own = module.state_dict()
    stored = merged(complete_state(checkpoint, own, path))
    source = stored_vocabulary(checkpoint)
    if rows_from is not None and source is not None:
        rows = rows_from(source)
        stored |= map_head(own, stored, rows)
        log.info("weights: %d of %d rows of the head come from %s", len(rows), len(vocabulary), path)
    else:
        check_vocabulary(checkpoint, vocabulary, path)
    matching = match_weights(own, stored)
    fitting = sum(value.numel() for value in matching.weights.values())
    shapes = [
        f"{key} {tuple(stored[key].shape)} is not {tuple(own[key].shape)}" for key in matching.unfitting
    ]
    check_fitting_share(
        fitting / max(1, sum(value.numel() for value in own.values())), least_share, path, shapes
    )
    module.load_state_dict(matching.weights, strict=False)
    log.info("weights: %d of %d tensors taken from %s", len(matching.weights), len(own), path)
    for what, names in (
        ("of another shape", matching.unfitting),
        ("not in it", matching.absent),
        ("not used", matching.unused),
    ):
        if names:
            log.warning(
                "weights: %d %s: %s",
                len(names),
                what,
                ", ".join(names[:8]) + (" …" if len(names) > 8 else ""),
            )

"""How a checkpoint describes its weights: read as data, and compared with them before any are built."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from dataset_modules.batches.audio_params import HIGHEST_MODEL_RATE, LOWEST_MODEL_RATE, AudioParams
from models.network.additions.base_weights import BaseWeights, check_base, with_base
from models.network.additions.extended_family import KEYS, check_extensions
from models.network.additions.low_rank import merged
from models.network.network_sizes import MOST_LAYERS, check_sizes, is_number_of_layers
from models.network.pretrained import MODEL_TYPES, build_network, pretrained_configuration
from models.weights import CHECKPOINT_KEY, NETWORK_PREFIX, CheckpointError
from phonetics import Vocabulary
from untrusted.files import FileError
from untrusted.json_text import parse_json
from untrusted.printing import printable
from untrusted.shapes import ShapeError, conform_fields

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_FIELDS = {
    "vocabulary": tuple[str, ...],
    "audio_params": dict[str, bool | float | None],
    "network_name": str,
    "network_config": str,
    "seed": int | None,
    "base": dict[str, str] | None,
    "adapter": dict[str, Any] | None,
}
_REQUIRED = ("vocabulary", "audio_params", "network_config")
_MOST_CHARACTERS = 2**20  # of the network's configuration
_MASK_SHARES = ("mask_time_prob", "mask_feature_prob")
# They name code that transformers would fetch, or ways to compute.
_NOT_TAKEN = ("attn_implementation", "auto_map", "dtype", "experts_implementation", "torch_dtype")


class CheckpointDescription(NamedTuple):
    """What a checkpoint says about its weights."""

    vocabulary: tuple[str, ...]
    audio_params: dict[str, Any]
    network_config: dict[str, Any]
    network_name: str | None = None
    seed: int | None = None
    base: Mapping[str, str] | None = None  # the model whose weights the checkpoint leaves out
    adapter: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, checkpoint: Mapping[str, Any], source: object) -> "CheckpointDescription | None":
        """Read the description in a checkpoint's content; None where there is none."""
        described = checkpoint.get(CHECKPOINT_KEY)
        if not described:
            return None
        try:
            known = conform_fields(described, _FIELDS)
            if lacking := [name for name in _REQUIRED if name not in known]:
                raise ShapeError(f"it must have {', '.join(lacking)}")
            if len(known["network_config"]) > _MOST_CHARACTERS:
                raise ShapeError("network_config is too long")
            network = parse_json(known["network_config"], "network_config", dict[str, Any])
            check_sizes(network)
            _check_rate(known["audio_params"])
        except (ShapeError, FileError) as error:
            raise CheckpointError(
                f"{printable(source)}: its description is damaged: {printable(error)}"
            ) from error
        return cls(**{**known, "network_config": network})


def _check_rate(audio_params: Mapping[str, Any]) -> None:
    rate = audio_params.get("sampling_rate", LOWEST_MODEL_RATE)
    if type(rate) is not int or not LOWEST_MODEL_RATE <= rate <= HIGHEST_MODEL_RATE:
        raise ShapeError(
            f"sampling_rate must be between {LOWEST_MODEL_RATE} and {HIGHEST_MODEL_RATE}, got {rate}"
        )


def described_network(
    description: CheckpointDescription, state: Mapping[str, Tensor], source: object
) -> tuple["PreTrainedModel", Vocabulary, AudioParams]:
    """Build the network that a checkpoint describes, with its weights; refuse one that they do not fit."""
    weights = {
        name.removeprefix(NETWORK_PREFIX): value
        for name, value in state.items()
        if name.startswith(NETWORK_PREFIX)
    }
    try:
        num_tensors = MOST_LAYERS if description.base else len(weights)
        configuration = _configuration(description.network_config, num_tensors)
        _import_architecture(configuration)  # constants of a module imported below would have no content
        with torch.device("meta"):  # shapes alone, without memory
            planned = build_network(configuration, None)
        _check_stored(weights)
        weights = _plain(description, weights, planned.state_dict())
        _check_fit(planned.state_dict(), weights)
        network = build_network(_configuration(description.network_config, num_tensors), None)
        network.load_state_dict(weights, strict=False)
        vocabulary = Vocabulary(description.vocabulary)
        if len(vocabulary) != configuration.vocab_size:
            raise ShapeError(
                f"its vocabulary has {len(vocabulary)} tokens, its head {configuration.vocab_size}"
            )
        return network, vocabulary, AudioParams(**description.audio_params)
    except MemoryError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise CheckpointError(
            f"{printable(source)} describes no network that it has weights of: "
            f"{printable(reason[0] if reason else type(error).__name__, most_characters=300)}"
        ) from error


def _plain(
    description: CheckpointDescription, weights: dict[str, Tensor], planned: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the weights of a plain network: with those of its base, and with its adapter in them."""
    base = BaseWeights.described(description._asdict())
    if base is not None:
        check_base(base.source)
        configuration = pretrained_configuration(base.source)  # no sizes that the base does not have
        masks = {key: share for key, share in description.network_config.items() if key in _MASK_SHARES}
        configuration.update(masks)  # whether there is an embedding of masks
        own = build_network(configuration, base.source).state_dict()
        weights = with_base(weights, {name: own[name] for name in own if name in planned}, base)
    return merged(weights)


def _import_architecture(configuration: "PretrainedConfig") -> None:
    """Import the network's class, and with it torchaudio."""
    from transformers import MODEL_FOR_CTC_MAPPING

    MODEL_FOR_CTC_MAPPING[type(configuration)]


def _configuration(described: Mapping[str, Any], num_tensors: int) -> "PretrainedConfig":
    """Return the architecture; of the described values only those that a network of the family has."""
    from transformers import AutoConfig

    family = described.get("model_type")
    if family not in MODEL_TYPES.values():
        families = ", ".join(MODEL_TYPES.values())
        raise ShapeError(f"model_type must be one of {families}, got {str(family)[:40]}")
    known = {*AutoConfig.for_model(family).to_dict(), *KEYS} - {"model_type", *_NOT_TAKEN}
    values = {name: value for name, value in described.items() if name in known and not name.startswith("_")}
    for name, value in values.items():
        most = min(num_tensors, MOST_LAYERS)
        if is_number_of_layers(name) and not 0 <= _count(value) <= most:
            shown = str(value)[:40]
            raise ShapeError(f"{name} must be at most {most} for {num_tensors} tensors, got {shown}")
    configuration = AutoConfig.for_model(family, **values)
    check_extensions(configuration.to_dict())
    return configuration


def _count(value: object) -> int:
    return value if type(value) is int else 0 if value is None else -1


def _check_fit(planned: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that are missing, or of another shape."""
    absent = [name for name in planned if name not in weights and not name.endswith("masked_spec_embed")]
    unknown = [name for name in weights if name not in planned]
    if absent or unknown:
        raise ShapeError(f"its weights must fit the network; absent: {absent[:4]}, unknown: {unknown[:4]}")
    for name, value in weights.items():
        if value.shape != planned[name].shape:
            raise ShapeError(f"{name} must be {tuple(planned[name].shape)}, is {tuple(value.shape)}")


def _check_stored(weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that are larger than what the file holds of them."""
    for name, value in weights.items():
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ShapeError(f"{name} repeats numbers instead of holding them")

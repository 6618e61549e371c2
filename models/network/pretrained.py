"""Pretrained or fresh CTC networks of the Wav2Vec2 family, through transformers' auto classes.

``transformers`` is imported where it is used: the command line must answer without it.
"""

import difflib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from models.network.additions.extended_family import check_extensions, ctc_class, plain_family
from models.network.attention import AttentionName, settle_attention
from models.network.network_sizes import check_sizes
from models.network.pretrained_head import (
    HEAD,
    CarriedHead,
    carry_rows,
    is_above_encoder,
    renew_head,
    reset_extensions,
)
from models.network.weight_files import check_pretrained_folder
from models.weights import are_numbers, check_fitting_share

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

_DTYPE = torch.float32  # whatever weights were stored in: the Trainer decides on precision
# What training leaves as it is: all but the head, or the convolutions over samples.
FrozenPart = Literal["encoder", "convolutions"]
NetworkName = Literal["Wav2Vec2", "Hubert", "WavLM", "Wav2Vec2Bert"]
MODEL_TYPES: dict[NetworkName, str] = {
    "Wav2Vec2": "wav2vec2",
    "Hubert": "hubert",
    "WavLM": "wavlm",
    "Wav2Vec2Bert": "wav2vec2-bert",
}
MEL_FAMILY = MODEL_TYPES["Wav2Vec2Bert"]  # its inputs are mel frames: it has no convolutions over samples
_HUB_TIMEOUT_SECONDS = 10.0
_OF_EXPORTS = {"model_type", "auto_map", "architectures"}  # keys of an extended network's folder


def network_configuration(
    network_name: NetworkName,
    pretrained_name: str | None,
    overrides: dict[str, Any] | None,
    *,
    vocab_size: int,
    blank_id: int,
) -> "PretrainedConfig":
    """Return the architecture of a pretrained model or the family, with overrides; build nothing."""
    from transformers import AutoConfig

    overrides = overrides or {}
    model_type = MODEL_TYPES[network_name]
    base = pretrained_configuration(pretrained_name) if pretrained_name else AutoConfig.for_model(model_type)
    if base.model_type != model_type:
        raise ValueError(
            f"model: network_name must be the family of pretrained_name, {pretrained_name!r} is a "
            f"{base.model_type!r} model, network_name is {network_name!r}; set network_name: "
            f"{family_of(base, pretrained_name or '')}"
        )
    _check_overrides(base, overrides, is_pretrained=pretrained_name is not None)
    if pretrained_name is None:
        base = AutoConfig.for_model(model_type, **overrides)  # some values are derived from others
    base.update({**overrides, "vocab_size": vocab_size, "pad_token_id": blank_id})
    return base


def family_of(config: "PretrainedConfig", name: str) -> NetworkName:
    """Return the family of a pretrained model; refuse one that this application does not have."""
    for family, model_type in MODEL_TYPES.items():
        if config.model_type == model_type:
            return family
    raise ValueError(
        f"model: {name} must be of one of the families {', '.join(MODEL_TYPES.values())}, "
        f"it is a {config.model_type!r} model"
    )


def pretrained_configuration(name: str) -> "PretrainedConfig":
    """Read the configuration of a pretrained model from its folder, the cache or the hub."""
    check_pretrained_folder(name)
    try:
        configuration = _stored_configuration(name, local_files_only=not _must_download(name))
        check_sizes(configuration.to_dict(), "its configuration")
        check_extensions(configuration.to_dict())
        _check_no_code(configuration)
        return configuration
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(
            f"model: pretrained_name must be a local folder or a model that the hub has, "
            f"got {name!r}: {reason}"
        ) from error


def _stored_configuration(name: str, *, local_files_only: bool) -> "PretrainedConfig":
    """Read a configuration; that of an extended network as its family's, with the keys of extensions."""
    from transformers import AutoConfig, PretrainedConfig

    settings, _ = PretrainedConfig.get_config_dict(name, local_files_only=local_files_only)
    family = plain_family(settings)
    if family is None:
        return AutoConfig.from_pretrained(name, local_files_only=local_files_only)
    return AutoConfig.for_model(family, **{key: settings[key] for key in settings.keys() - _OF_EXPORTS})


def _check_no_code(configuration: "PretrainedConfig") -> None:
    """Refuse a configuration that names a kernel of the hub: transformers would fetch and run it."""
    for key in ("_attn_implementation_internal", "_attn_implementation", "_experts_implementation"):
        if "/" in str(getattr(configuration, key, None) or ""):
            raise ValueError(f"its configuration names code of the hub in {key.lstrip('_')}; remove that key")


def _must_download(name: str) -> bool:
    """Return whether the hub is needed; refuse an unreachable one at once, for its client retries long."""
    from huggingface_hub import constants, get_session, try_to_load_from_cache

    if Path(name).is_dir() or isinstance(try_to_load_from_cache(name, "config.json"), str):
        return False
    if constants.is_offline_mode():
        raise OSError("it is not in the cache, and HF_HUB_OFFLINE is set")
    try:
        get_session().head(f"{constants.ENDPOINT}/api/models/{name}", timeout=_HUB_TIMEOUT_SECONDS)
    except Exception as error:
        raise OSError(f"it is not in the cache, and {constants.ENDPOINT} cannot be reached") from error
    return True


def _check_overrides(config: "PretrainedConfig", overrides: dict[str, Any], *, is_pretrained: bool) -> None:
    known = [key for key in config.to_dict() if key not in ("vocab_size", "pad_token_id", "model_type")]
    for key in overrides:
        if key not in known:
            near = ", ".join(difflib.get_close_matches(key, known, n=3)) or "none is near"
            remedy = "; --model.network_config null takes pretrained_name as it is" if is_pretrained else ""
            raise ValueError(
                f"model: network_config has no key {key!r} for {config.model_type}; nearest: {near}{remedy}"
            )


def build_network(
    config: "PretrainedConfig",
    pretrained_name: str | None,
    attention: AttentionName | None = None,
    *,
    head: CarriedHead | None = None,
    least_share: float = 0.0,  # of the encoder's parameters that the weights must have
) -> "PreTrainedModel":
    """Build the network; with a name, its weights are loaded, of its head what ``head`` says."""
    from transformers.utils import logging as transformers_logging

    if pretrained_name is None:
        network = ctc_class(config)._from_config(config, attn_implementation=attention, dtype=_DTYPE)
        settle_attention(network)
        return network
    num_tokens = config.vocab_size
    if head is not None:
        config.vocab_size = head.num_tokens
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # its table of new weights frightens on correct loads
    hides_bars = transformers_logging.is_progress_bar_enabled() and not sys.stderr.isatty()
    if hides_bars:
        transformers_logging.disable_progress_bar()
    try:
        network, loading = ctc_class(config).from_pretrained(
            pretrained_name,
            config=config,
            attn_implementation=attention,
            dtype=_DTYPE,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (MemoryError, OSError):
        raise
    except Exception as error:  # whatever a wrong number or a damaged file leads to
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(f"model: {pretrained_name} cannot be built: {reason}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
        if hides_bars:
            transformers_logging.enable_progress_bar()
    network.started_at_random = frozenset(
        [*loading["missing_keys"], *(str(key[0]) for key in loading["mismatched_keys"])]
    )
    _report_loading(pretrained_name, loading, kept_head=head is not None)
    _check_share(network, loading, pretrained_name, least_share)
    reset_extensions(network, network.started_at_random)
    if head is None:
        renew_head(network)
    elif head.rows is not None:
        carry_rows(network, head.rows, num_tokens)
        log.info("model: %d of %d rows of the head come from %s", len(head.rows), num_tokens, pretrained_name)
    if not are_numbers(network.state_dict().values()):  # only now: what was lacking was no number until here
        raise ValueError(f"model: {pretrained_name} cannot be used: its weights are no numbers")
    settle_attention(network)
    return network


def _report_loading(name: str, loading: dict[str, Any], *, kept_head: bool) -> None:
    """Log the weights that an encoder lacks; refuse a model without the head that is to be kept."""
    missing = sorted(key for key in loading["missing_keys"] if not is_above_encoder(key))
    mismatched = sorted(str(key) for key in loading["mismatched_keys"] if not is_above_encoder(str(key[0])))
    if missing or mismatched:
        log.warning("model: %s lacks encoder weights, which start at random: %s", name, missing + mismatched)
    if not kept_head:
        log.info("model: encoder from %s; the head over this vocabulary is new", name)
        return
    lacking = [*loading["missing_keys"], *(key[0] for key in loading["mismatched_keys"])]
    if any(key.startswith(HEAD) for key in lacking):
        raise ValueError(f"model: {name} must have a CTC head, it is an encoder alone")


def _check_share(network: "PreTrainedModel", loading: dict[str, Any], name: str, least_share: float) -> None:
    """Refuse weights that fit next to nothing of the encoder: network_config has changed its size."""
    own = {key: value.numel() for key, value in network.state_dict().items() if not is_above_encoder(key)}
    shapes = [key for key in loading["mismatched_keys"] if not is_above_encoder(str(key[0]))]
    random = {str(key) for key in loading["missing_keys"]} | {str(key[0]) for key in shapes}
    taken = sum(size for key, size in own.items() if key not in random)
    listed = [f"{key} {tuple(theirs)} is not {tuple(ours)}" for key, theirs, ours in shapes]
    check_fitting_share(taken / max(1, sum(own.values())), least_share, name, listed)


def mask_policy(config: "PretrainedConfig", chosen: bool | None) -> bool:
    """Return whether padding is masked: as the family was trained, where nothing was chosen.

    All encoders were trained with masks, except those with group norm.
    """
    return getattr(config, "feat_extract_norm", "layer") != "group" if chosen is None else chosen


def warn_of_mask_policy(config: "PretrainedConfig", chosen: bool | None) -> None:
    """Log a choice that does not suit the family."""
    family = mask_policy(config, None)
    if chosen not in (None, family):
        log.warning(
            "model: this %s model was trained %s attention masks, audio_params.return_attention_mask is %s; "
            "null follows the model",
            config.model_type,
            "with" if family else "without",
            str(chosen).lower(),
        )


def feature_extractor_of(network: "PreTrainedModel") -> nn.Module | None:
    """Return the convolutions over samples; None for families whose inputs are mel frames."""
    return getattr(network.base_model, "feature_extractor", None)


def transformer_parts_of(network: "PreTrainedModel") -> Iterator[nn.Module]:
    """Return the parts of the encoder above the convolutions."""
    extractor = feature_extractor_of(network)
    return (part for part in network.base_model.children() if part is not extractor)


def frame_lengths(network: "PreTrainedModel", input_lengths: Tensor) -> Tensor:
    """Return the frames of the encoder's output for inputs of these lengths."""
    return network._get_feat_extract_output_lengths(input_lengths).long()


def encoder_frames(network: "PreTrainedModel", input_lengths: Tensor) -> Tensor:
    """Return the frames within the encoder, where it masks them; an adapter at its end may leave fewer."""
    if not getattr(network.config, "add_adapter", False):
        return frame_lengths(network, input_lengths)
    return network._get_feat_extract_output_lengths(input_lengths, add_adapter=False).long()


def accept_features(network: "PreTrainedModel") -> None:
    """Let the network take features of its convolutions, (B, C, F), as well as waveforms, (B, T)."""
    extractor = feature_extractor_of(network)
    if extractor is None:
        raise ValueError(f"accept_features: {type(network).__name__} has no convolutions over samples")
    # Bound to the module and not a closure over it, so that a copy of the network refers to the copy.
    extractor.forward = MethodType(_convolve_waveforms, extractor)


def _convolve_waveforms(extractor: nn.Module, inputs: Tensor) -> Tensor:
    layers: Any = extractor.conv_layers
    if inputs.shape[1:-1] == (layers[-1].conv.out_channels,):  # (B, C, F); nothing else is a feature
        return inputs
    features: Tensor = type(extractor).forward(extractor, inputs)
    return features

"""A Hugging Face CTC model by its folder or hub id: family, tokens and audio format; nothing is built yet."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dataset_modules.batches.audio_params import AudioParams
from models.huggingface.token_files import FindFile, TokenError, TokenKind, read_json_object, read_tokens
from models.network.pretrained import NetworkName, family_of, pretrained_configuration
from phonetics import Vocabulary
from untrusted.shapes import ShapeError, conform_fields

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_AUDIO: dict[str, Any] = {
    **{"sampling_rate": int, "padding_value": float},
    **{"return_attention_mask": bool | None, "do_normalize": bool},
}
_PREPROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")


class HuggingFaceModel(NamedTuple):
    """What the files of a model say about it."""

    name: str  # folder or hub id
    network_name: NetworkName
    configuration: "PretrainedConfig"
    vocabulary: Vocabulary  # of its head; special tokens have the names of this project
    kind: TokenKind
    audio_params: AudioParams

    @classmethod
    def read(cls, name: str) -> "HuggingFaceModel":
        """Read the small files of a model; raise ``ValueError`` where it is no CTC model with a tokenizer."""
        configuration = pretrained_configuration(name)
        find = _finder(name)
        try:
            tokens = read_tokens(
                find, name, head_size=configuration.vocab_size, pad_id=configuration.pad_token_id
            )
            audio = _audio_params(find)
        except (TokenError, ShapeError) as error:
            raise ValueError(f"model: {error}") from error
        return cls(name, family_of(configuration, name), configuration, *tokens, audio)


def _finder(name: str) -> FindFile:
    """Return a function that finds a file of the model, on this machine or on the hub."""
    folder = Path(name)
    if folder.is_dir():
        return lambda file: folder / file if (folder / file).is_file() else None

    def find(file: str) -> Path | None:
        from transformers.utils import cached_file

        path: Any = cached_file(
            name,
            file,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        return Path(path) if path else None

    return find


def _audio_params(find: FindFile) -> AudioParams:
    """Read the audio format of the feature extractor; what it does not say has the usual value."""
    settings: dict[str, Any] = {}
    for file in _PREPROCESSOR_FILES:
        path = find(file)
        nested = read_json_object(path, {"feature_extractor": dict[str, Any]}).get("feature_extractor")
        settings |= read_json_object(path, _AUDIO) if nested is None else conform_fields(nested, _AUDIO, file)
    return AudioParams(**settings)

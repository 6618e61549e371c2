"""Write a model as a folder that the Hugging Face ``pipeline("automatic-speech-recognition", …)`` opens."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.acoustic_model import AcousticModel
from inference.handover.extended_folder import add_classes
from models.network.additions.extended_family import is_extended
from models.network.frontend import MEL_BINS, MEL_STACK, LogMelFrontend
from phonetics.vocabulary import BLANK_NAMES, UNKNOWN_NAMES, Vocabulary

if TYPE_CHECKING:
    from transformers import ProcessorMixin

_SEAMLESS_RATE = 16000  # its feature extractor counts windows in samples of this rate


class ExportError(ValueError):
    """A model cannot be exported in this format; the message contains the reason."""


def save_huggingface(model: AcousticModel, folder: Path) -> None:
    """Write weights, configuration, feature extractor and tokenizer into a folder."""
    network = model.network.cpu()
    network.config.architectures = [type(network).__name__]
    network.config.pad_token_id = model.vocabulary.blank_id
    network.save_pretrained(folder)
    if is_extended(network.config):
        add_classes(network, folder)
    _processor(model, folder).save_pretrained(folder)


def _processor(model: AcousticModel, folder: Path) -> "ProcessorMixin":
    from transformers import (
        SeamlessM4TFeatureExtractor,
        Wav2Vec2BertProcessor,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2Processor,
    )

    audio, tokenizer = model.audio_params, _tokenizer(model.vocabulary, folder)
    if not isinstance(model.frontend, LogMelFrontend):
        extractor = Wav2Vec2FeatureExtractor(
            feature_size=audio.feature_size,
            sampling_rate=audio.sampling_rate,
            padding_value=audio.padding_value,
            do_normalize=audio.do_normalize,
            return_attention_mask=model.uses_attention_mask,
        )
        return Wav2Vec2Processor(extractor, tokenizer)
    if audio.sampling_rate != _SEAMLESS_RATE:
        raise ExportError(
            f"export: the log-mel front end of Hugging Face needs {_SEAMLESS_RATE} samples a second, "
            f"this model {audio.sampling_rate}; export it --to onnx"
        )
    mel = SeamlessM4TFeatureExtractor(
        feature_size=MEL_BINS,
        num_mel_bins=MEL_BINS,
        sampling_rate=audio.sampling_rate,
        padding_value=audio.padding_value,
        stride=MEL_STACK,
    )
    return Wav2Vec2BertProcessor(mel, tokenizer)


def _tokenizer(vocabulary: Vocabulary, folder: Path) -> Any:  # noqa: ANN401 - transformers is untyped
    """Build the phoneme tokenizer that ``AutoProcessor`` can read: no phonemisation, spaces as separators."""
    from transformers import Wav2Vec2PhonemeCTCTokenizer

    path = folder / "vocab.json"
    path.write_text(json.dumps(vocabulary.ids, ensure_ascii=False, indent=1), encoding="utf-8")
    return Wav2Vec2PhonemeCTCTokenizer(
        str(path),
        bos_token=None,
        eos_token=None,
        unk_token=next((name for name in UNKNOWN_NAMES if name in vocabulary.ids), None),
        pad_token=next(name for name in BLANK_NAMES if name in vocabulary.ids),
        phone_delimiter_token=" ",  # noqa: S106 - no password
        word_delimiter_token=None,
        do_phonemize=False,
    )

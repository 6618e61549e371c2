"""Folders that transformers opens, and what its pipeline says with them."""

import json

import pytest
import torch
from transformers import AutoProcessor

from dataset_modules.batches.audio_params import AudioParams
from inference import Recognizer
from inference.acoustic_model import AcousticModel
from inference.handover.bundle import pipeline_transcriber
from inference.handover.huggingface import ExportError, save_huggingface
from inference.streaming.audio_stream import AudioSamples
from tests.inference.tiny_models import FAMILIES, VOCABULARY, speech

# An even and an odd number of 10 ms windows: the log-mel extractor fills up the odd one.
SECONDS = tuple((400 + windows * 160) / 16000 for windows in (159, 160))


def _symbols(recognizer, waveform):
    return [phoneme.symbol for phoneme in recognizer(waveform, 16000).phonemes]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pipeline_says_what_the_checkpoint_says(model_of, family, tmp_path):
    model = model_of(family)
    save_huggingface(model, tmp_path)
    transcriber, recognizer = pipeline_transcriber(tmp_path), Recognizer(model)
    for seed, seconds in enumerate((*SECONDS, *SECONDS)):
        waveform = speech(seconds, seed)
        recognised = [token for token in transcriber(waveform) if token != "|"]
        assert recognised == _symbols(recognizer, waveform)
        assert len(recognised) > 5


def test_the_tokenizer_parts_phonemes_by_spaces_and_phonemises_nothing(model_of, tmp_path):
    save_huggingface(model_of("Wav2Vec2 layer"), tmp_path)
    tokenizer = AutoProcessor.from_pretrained(tmp_path).tokenizer
    ids = [VOCABULARY.ids[token] for token in ("tʃ", "tʃ", "[PAD]", "tʃ", "|", "oː")]
    assert tokenizer.decode(ids) == "tʃ tʃ | oː"
    assert len(tokenizer) == len(VOCABULARY)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["vocab_size"] == len(VOCABULARY)
    assert config["pad_token_id"] == VOCABULARY.blank_id


def test_a_mel_front_end_of_another_rate_is_refused(model_of, tmp_path):
    network = model_of("Wav2Vec2Bert").network
    model = AcousticModel(network, VOCABULARY, AudioParams(sampling_rate=8000))
    with pytest.raises(ExportError, match=r"8000; export it --to onnx"):
        save_huggingface(model, tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_exported_folder_is_read_back_to_the_bit(model_of, family, tmp_path):
    model = model_of(family)
    save_huggingface(model, tmp_path)
    again = Recognizer(str(tmp_path))
    assert again.model.vocabulary == VOCABULARY
    waveform = AudioSamples(speech(1.0), 16000)
    assert torch.equal(again.scores(waveform), Recognizer(model).scores(waveform))

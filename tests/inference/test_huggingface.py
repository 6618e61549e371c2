"""Folders that transformers opens, and what its pipeline says with them."""

import json

import pytest
import torch
from transformers import AutoModelForCTC, AutoProcessor

from dataset_modules.contract import AudioParams
from inference import Recognizer
from inference.acoustic_model import AcousticModel
from inference.export import pipeline_transcriber
from inference.huggingface import ExportError, save_huggingface
from tests.inference.tiny_models import FAMILIES, VOCABULARY, speech

# An even number of 10 ms windows: of an odd one the log-mel extractor makes one frame more.
EVEN_SECONDS = (400 + 159 * 160) / 16000


def _symbols(recognizer, waveform):
    return [phoneme.symbol for phoneme in recognizer(waveform, 16000).phonemes]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pipeline_says_what_the_checkpoint_says(model_of, family, tmp_path):
    model = model_of(family)
    save_huggingface(model, tmp_path)
    hear, recognizer = pipeline_transcriber(tmp_path), Recognizer(model)
    for seed in range(3):
        waveform = speech(EVEN_SECONDS, seed)
        heard = [token for token in hear(waveform) if token != "|"]
        assert heard == _symbols(recognizer, waveform)
        assert len(heard) > 5


def test_cut_by_the_mask_an_odd_number_of_mel_windows_says_the_same(model_of, tmp_path):
    model = model_of("Wav2Vec2Bert")
    save_huggingface(model, tmp_path)
    waveform = speech(EVEN_SECONDS + 0.01)
    processor, network = AutoProcessor.from_pretrained(tmp_path), AutoModelForCTC.from_pretrained(tmp_path)
    inputs = processor(waveform, sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        scores = network(**inputs).logits[:, : inputs.attention_mask.sum()]
    said = processor.batch_decode(scores.argmax(-1))[0].split()
    assert [token for token in said if token != "|"] == _symbols(Recognizer(model), waveform)


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

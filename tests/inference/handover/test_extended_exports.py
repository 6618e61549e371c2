"""Networks with extensions: exports compute what the checkpoint computes, and never less in silence."""

import copy
import json

import numpy as np
import pytest
import torch

from inference import Recognizer
from inference.handover.bundle import export, pipeline_transcriber
from inference.handover.huggingface import save_huggingface
from inference.handover.model_card import Provenance
from inference.handover.onnx_export import OnnxRecognizer, save_onnx
from inference.handover.parity import Utterance
from inference.streaming.audio_stream import AudioSamples
from models import PhonemeRecognizer
from phonetics import Vocabulary
from tests.inference.tiny_models import FAMILIES, build_model, speech

EXTENSIONS = {
    "fed back": {"self_conditioned_layers": [1]},
    "mixed": {"layer_mix": True},
    "both": {"self_conditioned_layers": [1], "layer_mix": True},
}


@pytest.fixture(params=EXTENSIONS)
def extension(request):
    return EXTENSIONS[request.param]


def extended(family, extension):
    """A model whose extensions matter; the plain network has the same weights."""
    model = build_model(family, extension)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in model.network.named_parameters():
            if name.startswith(("self_conditioning", "dropout.mix")):
                value.copy_(2 * torch.randn(value.shape, generator=generator))
    return model


def symbols(recognizer, waveform):
    return [phoneme.symbol for phoneme in recognizer(waveform, 16000).phonemes]


@pytest.mark.parametrize("family", FAMILIES)
def test_hugging_face_computes_what_the_checkpoint_computes(family, extension, tmp_path):
    model = extended(family, extension)
    recognizer, plain = Recognizer(model), Recognizer(build_model(family))
    save_huggingface(model, tmp_path)
    transcriber = pipeline_transcriber(tmp_path, trusts_code=True)
    waveforms = [speech(seconds, seed) for seed, seconds in enumerate((1.0, 1.37, 2.0))]
    for waveform in waveforms:
        said = [token for token in transcriber(waveform) if token != "|"]
        assert said == symbols(recognizer, waveform)
    scores = [one.scores(AudioSamples(waveforms[0], 16000)) for one in (plain, recognizer)]
    assert not torch.allclose(*scores, atol=0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_onnx_computes_what_the_checkpoint_computes(family, extension, tmp_path):
    model = extended(family, extension)
    save_onnx(model, tmp_path)
    graph, recognizer = OnnxRecognizer(tmp_path, num_threads=1), Recognizer(model)
    for seed, seconds in enumerate((1.0, 2.37)):
        waveform = speech(seconds, seed)
        (scores,) = graph.log_probs(waveform[None], np.array([len(waveform)]))
        expected = recognizer.scores(AudioSamples(waveform, 16000)).numpy()
        np.testing.assert_allclose(scores, expected, atol=5e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_extended_folder_is_read_back_to_the_bit(family, extension, tmp_path):
    model = extended(family, extension)
    save_huggingface(model, tmp_path)
    again = Recognizer(str(tmp_path))
    waveform = AudioSamples(speech(1.0), 16000)
    assert torch.equal(again.scores(waveform), Recognizer(model).scores(waveform))


def test_a_program_that_runs_no_code_of_folders_refuses_the_folder(extension, tmp_path):
    save_huggingface(extended("Wav2Vec2 layer", extension), tmp_path)
    with pytest.raises(ValueError, match="trust_remote_code"):
        pipeline_transcriber(tmp_path)


@pytest.mark.parametrize("target", ["hf", "onnx", "onnx-int8"])
def test_a_whole_export_passes_its_own_check_and_the_card_names_its_code(extension, target, tmp_path):
    model = extended("Wav2Vec2 layer", extension)
    utterances = [Utterance(speech(1.0, seed), ["a"]) for seed in range(3)]
    folder = tmp_path / "exported"
    parity = export(model, target, folder, Provenance("tiny", {}, {}, {}), utterances=utterances)
    assert parity.same == parity.utterances or target == "onnx-int8"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert ("trust_remote_code=True" in card) == (target == "hf")
    assert (folder / "extended_network.py").is_file() == (target == "hf")


def test_a_plain_network_has_a_plain_folder(model_of, tmp_path):
    save_huggingface(model_of("WavLM"), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["model_type"] == "wavlm"
    assert not (tmp_path / "extended_network.py").exists()


def test_a_copied_network_uses_its_own_extension(extension):
    model = extended("Wav2Vec2 layer", extension)
    inputs = torch.from_numpy(speech(1.0))[None]
    with torch.no_grad():
        before = model.network(inputs).logits
        other = copy.deepcopy(model.network)
        for name, value in model.network.named_parameters():
            if name.startswith(("self_conditioning", "dropout.mix")):
                value.zero_()
        assert torch.equal(other(inputs).logits, before)
        assert not torch.equal(model.network(inputs).logits, before)


@pytest.mark.parametrize(
    "wrong",
    [
        {"self_conditioned_layers": [2]},
        {"self_conditioned_layers": [True]},
        {"self_conditioned_layers": 1},
        {"layer_mix": "yes"},
    ],
)
def test_folders_that_say_nonsense_are_refused(extension, wrong, tmp_path):
    save_huggingface(extended("Wav2Vec2 layer", extension), tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong), encoding="utf-8")
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Recognizer(str(tmp_path))


def test_another_vocabulary_starts_from_the_rows_of_an_exported_folder(tmp_path):
    model = extended("Wav2Vec2 layer", EXTENSIONS["fed back"])
    save_huggingface(model, tmp_path / "exported")
    tokens = ("[PAD]", "[UNK]", "n", "a")
    (tmp_path / "vocab.json").write_text(Vocabulary(tokens).to_json(), encoding="utf-8")
    for carries in (True, False):
        tuned = PhonemeRecognizer(
            tmp_path / "vocab.json",
            pretrained_name=str(tmp_path / "exported"),
            map_vocabulary=carries,
            lr=1e-3,
        )
        tuned.configure_model()
        ours, theirs = (one.network.self_conditioning.weight for one in (tuned, model))
        expected = theirs[[0, 1, 5, 3]] if carries else torch.zeros(4, 32)
        assert torch.equal(ours, expected)

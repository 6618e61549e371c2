"""ONNX graphs say what their networks say, whatever the batch and the length."""

import json

import numpy as np
import pytest
import torch

from inference import Recognizer
from inference.handover.onnx_export import (
    DESCRIPTION,
    GRAPH,
    VOCABULARY_LINES,
    OnnxRecognizer,
    TraceableLogMel,
    save_onnx,
)
from inference.streaming.audio_stream import AudioSamples
from models.network.frontend import LogMelFrontend
from tests.inference.tiny_models import FAMILIES, speech


def test_mel_frames_of_a_batch_are_those_of_the_front_end():
    waveforms = [torch.from_numpy(speech(seconds, seed)) for seed, seconds in enumerate((2.0, 1.21, 1.4))]
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    batch = torch.nn.utils.rnn.pad_sequence(waveforms, True)
    expected, _, frames = LogMelFrontend(16000, 0.5)(batch, lengths)
    features, _, counts = TraceableLogMel(16000, 0.5)(batch, lengths)
    assert counts.tolist() == frames.tolist()
    assert features.shape == expected.shape
    torch.testing.assert_close(features, expected, atol=2e-3, rtol=0)


def test_quiet_frames_have_the_front_ends_floor():
    """Energies about as small as the floor: added to it they would be another number."""
    fading = torch.from_numpy(speech(2.0, 0)) * torch.logspace(0, -9, 32000)
    lengths = torch.tensor([32000])
    expected = LogMelFrontend(16000, 0.0)(fading[None], lengths).values
    features = TraceableLogMel(16000, 0.0)(fading[None], lengths).values
    torch.testing.assert_close(features, expected, atol=5e-3, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_graphs_say_what_networks_say_at_any_length(model_of, family, tmp_path):
    model = model_of(family)
    save_onnx(model, tmp_path)
    graph = OnnxRecognizer(tmp_path, num_threads=1)
    recognizer = Recognizer(model)
    lengths = (1.0, 2.37, 4.0) if model.uses_attention_mask else (2.37, 2.37)
    waveforms = [speech(seconds, seed) for seed, seconds in enumerate(lengths)]
    sizes = np.array([len(waveform) for waveform in waveforms])
    batch = np.zeros((len(waveforms), sizes.max()), dtype=np.float32)
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = waveform
    for scores, waveform in zip(graph.log_probs(batch, sizes), waveforms, strict=True):
        expected = recognizer.scores(AudioSamples(waveform, 16000)).numpy()
        assert scores.shape == expected.shape
        np.testing.assert_allclose(scores, expected, atol=5e-3)
        said = [token for token in graph(waveform) if token != "|"]
        assert said == [phoneme.symbol for phoneme in recognizer(waveform, 16000).phonemes]


def test_eight_bits_are_close(model_of, tmp_path):
    model, waveform = model_of("Wav2Vec2 layer"), speech(3.0)
    for name, int8 in (("whole", False), ("small", True)):
        (tmp_path / name).mkdir()
        save_onnx(model, tmp_path / name, int8=int8)
    assert b"DynamicQuantizeLinear" in (tmp_path / "small" / GRAPH).read_bytes()
    sizes = np.array([len(waveform)])
    small, whole = (
        OnnxRecognizer(tmp_path / name).log_probs(waveform[None], sizes)[0] for name in ("small", "whole")
    )
    assert 0 < np.abs(small - whole).mean() < 0.2
    assert (small.argmax(-1) == whole.argmax(-1)).mean() > 0.8


def test_a_graph_is_described(model_of, tmp_path):
    save_onnx(model_of("Wav2Vec2 group"), tmp_path)
    described = json.loads((tmp_path / DESCRIPTION).read_text(encoding="utf-8"))
    assert described["sampling_rate"] == 16000
    assert described["blank_id"] == 0
    assert described["batches_of_several_lengths"] is False
    assert described["seconds_per_frame"] == 0.02


def test_onnx_asr_reads_the_vocabulary_and_decodes_the_graph(model_of, tmp_path):
    """Its own reader and CTC decoding; its ready-made models expect features, this graph takes samples."""
    asr = pytest.importorskip("onnx_asr.asr")
    model, waveform = model_of("Wav2Vec2 layer"), speech(2.0)
    save_onnx(model, tmp_path)
    graph = OnnxRecognizer(tmp_path, num_threads=1)

    class WaveformCtc(asr._AsrWithCtcDecoding):
        _preprocessor_name, _subsampling_factor = "identity", 2

        @staticmethod
        def _get_model_files(quantization=None):
            return {"model": GRAPH, "vocab": VOCABULARY_LINES}

        def _encode(self, waveforms, lengths):
            return tuple(graph.session.run(None, {"waveforms": waveforms, "lengths": lengths}))

    files = {name: tmp_path / file for name, file in WaveformCtc._get_model_files().items()}
    recognise = WaveformCtc({"vocab": files["vocab"]}, lambda name: lambda *inputs: inputs, {})
    (result,) = recognise.recognize_batch(waveform[None], np.array([len(waveform)]))
    own = graph(waveform)
    assert result.tokens == [" " if token == "|" else token for token in own]
    assert len(set(own)) > 2


def test_the_lines_of_the_vocabulary_name_blank_and_space(model_of, tmp_path):
    model = model_of("Wav2Vec2 layer")
    save_onnx(model, tmp_path)
    lines = (tmp_path / VOCABULARY_LINES).read_text(encoding="utf-8").splitlines()
    assert lines == [
        "<blk> 0",
        "[UNK] 1",
        "\N{LOWER ONE EIGHTH BLOCK} 2",
        "a 3",
        "tʃ 4",
        "n 5",
        "oː 6",
        "ɡ 7",
    ]

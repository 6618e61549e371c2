"""An exported folder is used like the checkpoint it was made of."""

import json

import numpy as np
import pytest

from inference import Recognizer
from inference.handover.onnx_export import DESCRIPTION, GRAPH, VOCABULARY, save_onnx
from tests.inference.tiny_models import speech


@pytest.mark.parametrize("family", ["Wav2Vec2 layer", "Wav2Vec2 group", "Wav2Vec2Bert"])
def test_an_export_recognises_aligns_and_scores_as_its_checkpoint(model_of, family, tmp_path):
    pytest.importorskip("onnxruntime")
    save_onnx(model_of(family), tmp_path)
    own, exported = Recognizer(model_of(family)), Recognizer(tmp_path)
    waveform = np.concatenate([speech(2.0), np.zeros(8000, np.float32), speech(1.0, 3)])
    assert exported(waveform, 16000).text == own(waveform, 16000).text
    said = ["a", "n", "|", "oː"]
    for one, other in zip(
        exported.score(waveform, 16000, phonemes=said).phonemes,
        own.score(waveform, 16000, phonemes=said).phonemes,
        strict=True,
    ):
        assert (one.symbol, one.start, one.end, one.said) == (
            other.symbol,
            other.start,
            other.end,
            other.said,
        )
        assert one.gop == pytest.approx(other.gop, abs=2e-3)


@pytest.mark.parametrize(
    "change", [{"sampling_rate": 0}, {"seconds_per_frame": None}, {"shortest_samples": "many"}]
)
def test_a_damaged_description_is_one_message(model_of, change, tmp_path):
    pytest.importorskip("onnxruntime")
    save_onnx(model_of("Wav2Vec2 layer"), tmp_path)
    described = json.loads((tmp_path / DESCRIPTION).read_text())
    (tmp_path / DESCRIPTION).write_text(json.dumps(described | change))
    with pytest.raises(ValueError, match=r"recognizer\.json: must describe an ONNX export"):
        Recognizer(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (GRAPH, b"no graph", r"model\.onnx: must be an ONNX export: .*Protobuf"),
        (VOCABULARY, b'{"[PAD]": 0, "a": 1}', r"vocab\.json: must hold the graph's 8 tokens, it holds 2"),
    ],
)
def test_a_damaged_export_is_one_message(model_of, name, content, message, tmp_path):
    pytest.importorskip("onnxruntime")
    save_onnx(model_of("Wav2Vec2 layer"), tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Recognizer(tmp_path)


def test_a_graph_of_another_program_is_refused(model_of, tmp_path):
    onnx = pytest.importorskip("onnx")
    save_onnx(model_of("Wav2Vec2 layer"), tmp_path)
    graph = onnx.load(str(tmp_path / GRAPH))
    graph.graph.output.pop()
    onnx.save(graph, str(tmp_path / GRAPH))
    with pytest.raises(ValueError, match="must be an ONNX export, with"):
        Recognizer(tmp_path)

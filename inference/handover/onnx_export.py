"""A model as an ONNX graph with all it needs beside it, and such a folder as a recogniser."""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inference.acoustic_model import AcousticModel
from inference.handover.onnx_graph import RecognizerGraph
from phonetics import Vocabulary

GRAPH, DESCRIPTION, VOCABULARY = "model.onnx", "recognizer.json", "vocab.json"
_OPSET = 18
_INPUTS, _OUTPUTS = ("waveforms", "lengths"), ("log_probs", "frames")
_AXES = {
    "waveforms": {0: "batch", 1: "samples"},
    "lengths": {0: "batch"},
    "log_probs": {0: "batch", 1: "frames"},
    "frames": {0: "batch"},
}
_KEPT_IN_FLOAT = ("/frontend/", "lm_head")  # nodes whose rounding costs most accuracy and saves least
_TRACED_SECONDS = (2.0, 1.3)


def save_onnx(model: AcousticModel, folder: Path, *, int8: bool = False) -> None:
    """Write graph, vocabulary and description into a folder; ``int8`` stores the weights of products so."""
    graph = folder / GRAPH
    _trace(model, graph)
    if int8:
        _quantise(graph)
    (folder / VOCABULARY).write_text(model.vocabulary.to_json(), encoding="utf-8")
    (folder / DESCRIPTION).write_text(json.dumps(_described(model, int8=int8), indent=1), encoding="utf-8")


def _trace(model: AcousticModel, path: Path) -> None:
    """Follow the network once; torch's newer exporter takes twenty times as long for the same graph."""
    rate = model.audio_params.sampling_rate
    lengths = torch.tensor([int(seconds * rate) for seconds in _TRACED_SECONDS])
    if not model.uses_attention_mask:
        lengths[:] = lengths[0]
    waveforms = 0.1 * torch.randn(2, int(lengths[0]), generator=torch.Generator().manual_seed(0))
    graph = RecognizerGraph(model).eval().cpu()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter(
            "ignore"
        )  # on what a trace takes for constant: the check looks at other lengths
        torch.onnx.export(
            graph,
            (waveforms, lengths),
            str(path),
            input_names=list(_INPUTS),
            output_names=list(_OUTPUTS),
            dynamic_axes=_AXES,
            opset_version=_OPSET,
            dynamo=False,
        )


def _quantise(path: Path) -> None:
    """Weights of matrix products to 8 bits, per column; convolutions, mel bins and the head stay."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = onnx.load(str(path))
    kept = [node.name for node in whole.graph.node if any(part in node.name for part in _KEPT_IN_FLOAT)]
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises on preparations that change nothing here
    try:
        quantize_dynamic(
            whole,
            str(path),
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=kept,
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    finally:
        root.setLevel(level)


def _described(model: AcousticModel, *, int8: bool) -> dict[str, Any]:
    """Return what a program needs to use the graph."""
    clock = model.clock
    return {
        "sampling_rate": model.audio_params.sampling_rate,
        "inputs": {
            "waveforms": "float32 (batch, samples), mono, -1…1, padded with zeros; normalised inside",
            "lengths": "int64 (batch,) samples of each",
        },
        "outputs": {
            "log_probs": "float32 (batch, frames, tokens), natural logarithms",
            "frames": "int64 (batch,), how many frames of each are real",
        },
        "blank_id": model.vocabulary.blank_id,
        "batches_of_several_lengths": model.uses_attention_mask,
        "shortest_samples": clock.receptive_field,
        "seconds_per_frame": clock.stride / clock.sampling_rate,
        "centre_of_first_frame_seconds": clock.centre_seconds(0),
        "weights": "int8 in matrix products, float32 elsewhere" if int8 else "float32",
    }


class OnnxRecognizer:
    """An exported folder: samples → phonemes, with ONNX Runtime alone.

    Args:
        folder: as ``save_onnx`` wrote it.
        num_threads: threads of ONNX Runtime; 0 lets it choose.
    """

    def __init__(self, folder: Path, num_threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
        )
        self.vocabulary = Vocabulary.from_file(folder / VOCABULARY)

    def log_probs(
        self, waveforms: NDArray[np.float32], lengths: NDArray[np.int64]
    ) -> list[NDArray[np.float32]]:
        """Return the scores of each utterance's frames, (F, V)."""
        scores, frames = self.session.run(list(_OUTPUTS), {"waveforms": waveforms, "lengths": lengths})
        return [utterance[:count] for utterance, count in zip(scores, frames.tolist(), strict=True)]

    def __call__(self, waveform: NDArray[np.float32]) -> list[str]:
        """Return the phonemes of one utterance, (T,), and the boundaries of words among them."""
        (scores,) = self.log_probs(waveform[None], np.array([len(waveform)], dtype=np.int64))
        best = scores.argmax(axis=-1)
        starts = np.flatnonzero(np.diff(best, prepend=-1))
        return self.vocabulary.decode(id_ for id_ in best[starts].tolist() if id_ != self.vocabulary.blank_id)

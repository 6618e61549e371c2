"""A model as an ONNX graph from samples to log-probabilities, and such a folder as a recogniser."""

import json
import logging
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from inference.acoustic_model import AcousticModel
from models.network.acoustic_forward import AcousticForward
from models.network.frontend import KALDI_SCALE, LOWEST_HERTZ, MEL_BINS, PREEMPHASIS, LogMelFrontend
from models.network.pretrained import frame_lengths
from phonetics import WORD_DELIMITER, Vocabulary

GRAPH, DESCRIPTION, VOCABULARY = "model.onnx", "recognizer.json", "vocab.json"
VOCABULARY_LINES = "vocab.txt"  # the vocabulary once more, as onnx-asr reads it
_BLANK, _SPACE = "<blk>", "\N{LOWER ONE EIGHTH BLOCK}"  # its names of the blank and of the space
_OPSET = 18
_INPUTS, _OUTPUTS = ("waveforms", "lengths"), ("log_probs", "frames")
_AXES = {
    "waveforms": {0: "batch", 1: "samples"},
    "lengths": {0: "batch"},
    "log_probs": {0: "batch", 1: "frames"},
    "frames": {0: "batch"},
}
_KEPT_IN_FLOAT = (
    "/frontend/",
    "lm_head",
    "self_conditioning",
    "/mix/",
)  # nodes whose rounding costs most accuracy and saves least
_TRACED_SECONDS = (2.0, 1.3)


class TraceableLogMel(LogMelFrontend):
    """The log-mel front end with its frames as products of matrices, which a graph can hold.

    Removing the mean, emphasising, windowing and transforming a frame are all linear: one convolution
    over the samples does them, computed once in float64.
    """

    def __init__(self, sampling_rate: int, padding_value: float) -> None:
        super().__init__(sampling_rate, padding_value)
        self.transform = nn.Buffer(_frame_transform(self.grid.window))  # (2K, 1, window)
        self.filters = nn.Buffer(_mel_filters(sampling_rate, self.grid.window))  # (K, 80)

    @override
    def features(self, waveforms: Tensor) -> Tensor:
        scaled = waveforms[:, None] * KALDI_SCALE  # (B, 1, T)
        parts = nn.functional.conv1d(scaled, self.transform, stride=self.grid.shift)
        real, imaginary = parts.transpose(1, 2).chunk(2, dim=-1)  # (B, M, K)
        energies = (real**2 + imaginary**2) @ self.filters  # (B, M, 80)
        return torch.log(energies.clamp(min=torch.finfo(torch.float32).eps))  # Kaldi's floor


class RecognizerGraph(nn.Module):
    """Samples and their numbers → log-probabilities of tokens per frame, and the numbers of real frames."""

    def __init__(self, model: AcousticModel) -> None:
        super().__init__()
        audio, frontend = model.audio_params, model.frontend
        if isinstance(frontend, LogMelFrontend):
            frontend = TraceableLogMel(audio.sampling_rate, audio.padding_value)
        self.network, self.frontend = model.network, frontend
        self.acoustic = AcousticForward(
            model.network, frontend, uses_attention_mask=model.uses_attention_mask
        )

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (B, F, V) and frames (B,) of waveforms (B, T), zero-padded, and lengths (B,)."""
        inputs = self.frontend(waveforms, lengths)
        return self.acoustic.padded_scores(inputs), frame_lengths(self.network, inputs.sizes)


def _frame_transform(window: int) -> Tensor:
    """Return Kaldi's steps from a frame of samples to its spectrum, as one matrix, (2K, 1, window)."""
    size = 2 ** math.ceil(math.log2(window))
    without_mean = np.eye(window) - 1.0 / window
    emphasised = np.eye(window) - PREEMPHASIS * np.eye(window, k=-1)
    emphasised[0, 0] = 1.0 - PREEMPHASIS
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / (window - 1))) ** 0.85
    angles = -2 * np.pi * np.outer(np.arange(size // 2), np.arange(window)) / size
    spectrum = np.concatenate([np.cos(angles), np.sin(angles)])
    matrix = spectrum @ (povey[:, None] * emphasised) @ without_mean
    return torch.from_numpy(matrix).float()[:, None]


def _mel_filters(sampling_rate: int, window: int) -> Tensor:
    """Return Kaldi's triangles on the mel scale, (K, 80)."""
    size = 2 ** math.ceil(math.log2(window))
    lowest, highest = _mel(LOWEST_HERTZ), _mel(sampling_rate / 2)
    edges = np.linspace(lowest, highest, MEL_BINS + 2)
    bins = _mel(np.arange(size // 2) * sampling_rate / size)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.from_numpy(np.maximum(0.0, np.minimum(rising, falling))).float()


def _mel(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


def save_onnx(model: AcousticModel, folder: Path, *, int8: bool = False) -> None:
    """Write graph, vocabulary and description into a folder; ``int8`` stores the weights of products so."""
    graph = folder / GRAPH
    _trace(model, graph)
    if int8:
        _quantise(graph)
    (folder / VOCABULARY).write_text(model.vocabulary.to_json(), encoding="utf-8")
    (folder / VOCABULARY_LINES).write_text(token_lines(model.vocabulary), encoding="utf-8")
    (folder / DESCRIPTION).write_text(json.dumps(_described(model, int8=int8), indent=1), encoding="utf-8")


def token_lines(vocabulary: Vocabulary) -> str:
    """Write a token and its id in each line; the word boundary becomes onnx-asr's space.

    >>> token_lines(Vocabulary(("[PAD]", "|", "tʃ"))).splitlines()
    ['<blk> 0', '▁ 1', 'tʃ 2']
    """
    names = {vocabulary.tokens[vocabulary.blank_id]: _BLANK, WORD_DELIMITER: _SPACE}
    return "".join(f"{names.get(token, token)} {index}\n" for index, token in enumerate(vocabulary.tokens))


def _trace(model: AcousticModel, path: Path) -> None:
    """Follow the network once; torch's newer exporter takes twenty times as long for the same graph."""
    rate = model.audio_params.sampling_rate
    lengths = torch.tensor([int(seconds * rate) for seconds in _TRACED_SECONDS])
    if not model.uses_attention_mask:
        lengths[:] = lengths[0]
    waveforms = 0.1 * torch.randn(2, int(lengths[0]), generator=torch.Generator().manual_seed(0))
    graph = RecognizerGraph(model).eval().cpu()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of what a trace takes for constant; parity tries other lengths
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
    """An exported folder: samples → phonemes, with ONNX Runtime alone; with 0 threads it chooses them."""

    def __init__(self, folder: Path, num_threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
        )
        self.vocabulary = Vocabulary.from_file(folder / VOCABULARY)
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if tuple(one.name for one in inputs) != _INPUTS or tuple(one.name for one in outputs) != _OUTPUTS:
            raise ValueError(f"{folder / GRAPH}: must be an ONNX export, with {_INPUTS} and {_OUTPUTS}")
        if outputs[0].shape[-1] != len(self.vocabulary):
            raise ValueError(
                f"{folder / VOCABULARY}: must hold the graph's {outputs[0].shape[-1]} tokens, "
                f"it holds {len(self.vocabulary)}"
            )

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

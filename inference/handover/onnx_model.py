"""An exported ONNX folder as an acoustic model, which the recogniser uses like a checkpoint's."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from dataset_modules.batches.audio_params import AudioParams
from inference.acoustic_model import AcousticModel
from inference.handover.onnx_export import DESCRIPTION, GRAPH, OnnxRecognizer
from installation import how_to_install
from models.network.frames import Counts, FrameClock
from models.network.frontend import Inputs, WaveformFrontend
from models.weights import checkpoint_digest
from untrusted.files import FileError
from untrusted.json_text import read_json


def is_onnx_folder(name: str | Path) -> bool:
    """Whether a name is a folder that ``export --to onnx`` wrote."""
    return (Path(name) / GRAPH).is_file() and (Path(name) / DESCRIPTION).is_file()


class OnnxModel(AcousticModel):
    """The graph of a folder.

    It normalises waveforms inside, so that each window of a long recording has its own scale: scores of
    recordings of several windows differ a little from the checkpoint's.
    """

    def __init__(self, folder: Path) -> None:
        try:
            described = read_json(folder / DESCRIPTION, dict)
            rate = int(described["sampling_rate"])
            stride = round(float(described["seconds_per_frame"]) * rate)
            centre = float(described["centre_of_first_frame_seconds"]) * rate
            self.clock = FrameClock(stride, int(described["shortest_samples"]), centre, rate)
            if min(rate, stride, self.clock.receptive_field) < 1:
                raise ValueError("its numbers must be positive")
        except (FileError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{folder / DESCRIPTION}: must describe an ONNX export: {error}") from error
        try:
            self._graph = OnnxRecognizer(folder)
        except ImportError as error:
            raise ValueError(f"{folder}: needs onnxruntime; {how_to_install('onnx')}") from error
        except (OSError, ValueError):
            raise
        except Exception as error:  # onnxruntime's errors have no common base
            raise ValueError(f"{folder / GRAPH}: must be an ONNX export: {error}") from error
        self._path = folder / GRAPH
        self.vocabulary = self._graph.vocabulary
        self.audio_params = AudioParams(sampling_rate=rate, do_normalize=False)
        self.frontend = WaveformFrontend(do_normalize=False, padding_value=0.0)

    @override
    def digest(self) -> str:
        return checkpoint_digest(self._path)

    @override
    def frame_counts(self, num_samples: Counts) -> Counts:
        return (num_samples - self.clock.receptive_field) // self.clock.stride + 1

    @override
    def log_probs(self, inputs: Sequence[Inputs]) -> list[Tensor]:
        return [self._scores(one) for one in inputs]

    def _scores(self, inputs: Inputs) -> Tensor:
        waveform = inputs.values.numpy().astype(np.float32)
        (scores,) = self._graph.log_probs(waveform, np.array([waveform.shape[1]], dtype=np.int64))
        return torch.from_numpy(scores)

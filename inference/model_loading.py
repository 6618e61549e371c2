"""The model that a name means: a checkpoint, an ONNX export, or a CTC model of Hugging Face."""

from pathlib import Path

import torch

from inference.acoustic_model import AcousticModel
from inference.handover.onnx_model import OnnxModel, is_onnx_folder


def load_model(name: str | Path, device: torch.device | str = "cpu") -> AcousticModel:
    """Build the model of a checkpoint file, of an exported folder, or of a Hugging Face folder or hub id.

    ONNX graphs run on the CPU.
    """
    return OnnxModel(Path(name)) if is_onnx_folder(name) else AcousticModel.load(name, device)

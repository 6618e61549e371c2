"""Models for other programs: Hugging Face, ONNX, model card."""

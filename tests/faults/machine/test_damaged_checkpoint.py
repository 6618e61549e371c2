"""Every command that reads a checkpoint refuses one with a changed bit, or one whose run diverged."""

from pathlib import Path

import pytest
import torch

from cli.run import run
from models.weights import CheckpointError, read_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A file with tensors, as training writes it."""
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"network.lm_head.weight": torch.arange(4096.0)}, "global_step": 3}, path)
    return path


def with_a_changed_bit(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    place = content.index(torch.arange(4096.0).numpy().tobytes()) + 5000
    content[place] ^= 1
    path.write_bytes(content)
    return path


def test_a_changed_bit_is_found(checkpoint: Path) -> None:
    read_checkpoint(checkpoint)
    with pytest.raises(CheckpointError, match="does not match its checksum"):
        read_checkpoint(with_a_changed_bit(checkpoint))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"network.lm_head.weight": torch.tensor([1.0, value])}}, path)
    with pytest.raises(CheckpointError, match="its weights are no numbers"):
        read_checkpoint(path)


@pytest.mark.parametrize("command", ["transcribe", "export"])
def test_commands_that_use_a_model_refuse_it(
    command: str, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], write_tone
) -> None:
    arguments = {
        "transcribe": ["transcribe", str(checkpoint), str(write_tone(tmp_path / "tone.wav"))],
        "export": ["export", str(checkpoint), "--to", "hf"],
    }
    with_a_changed_bit(checkpoint)
    assert run(arguments[command]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "last.ckpt is damaged" in error

"""Training that is to go on from a stranger's checkpoint ends in one line where that is damaged inside."""

import shutil
from pathlib import Path

import pytest
import torch

from cli.run import run

WRITTEN = Path(__file__).parents[2] / "journeys" / "written_before"

INSIDES = {
    "no loops": lambda content: content.update(loops={}),
    "loops of another type": lambda content: content.update(loops={"fit_loop": 3}),
    "no loops at all": lambda content: content.pop("loops"),
    "no optimizer": lambda content: content.update(optimizer_states=[]),
    "optimizer of another type": lambda content: content.update(optimizer_states=["x"]),
    "optimizer without its parts": lambda content: content.update(optimizer_states=[{}]),
    "scheduler of another type": lambda content: content.update(lr_schedulers=[3]),
    "callbacks of another type": lambda content: content.update(
        callbacks=dict.fromkeys(content["callbacks"], 3)
    ),
    "data of another type": lambda content: content.update(PhonemeDataModule=3),
    "data without its parts": lambda content: content.update(PhonemeDataModule={"place": {"epoch": "x"}}),
    "no version": lambda content: content.pop("pytorch-lightning_version"),
    "an odd version": lambda content: content.update({"pytorch-lightning_version": "x"}),
    "a negative step": lambda content: content.update(global_step=-5, epoch=-1),
    "a tensor of another shape": lambda content: content["state_dict"].update(
        {"network.lm_head.bias": torch.zeros(3)}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("alter", INSIDES.values(), ids=INSIDES)
def test_one_line(tmp_path, monkeypatch, capsys, alter):
    shutil.copytree(WRITTEN, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "experiments/tones/checkpoints/last.ckpt"
    content = torch.load(path, weights_only=True)
    alter(content)
    torch.save(content, path)
    status = run(["train", "--config", "train.yaml", "--ckpt_path", str(path), "--trainer.max_epochs", "61"])
    message = capsys.readouterr().err
    assert "Traceback" not in message
    if status:
        assert sum(line.startswith("error: ") for line in message.splitlines()) == 1, message

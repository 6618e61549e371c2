"""Where checkpoints are, which is the best, and what cannot be written."""

import json

import pytest
import torch

from callbacks import CustomModelCheckpoint, DurableCheckpointIO


def test_checkpoints_lie_in_the_experiments_folder_and_the_best_is_named(train, one_weight, tmp_path):
    trainer = train(one_weight(pers=(0.5, 0.25, 0.75)), CustomModelCheckpoint(), max_epochs=3)
    folder = tmp_path / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.json",
        "epoch=1-val_per=0.2500.ckpt",
        "last.ckpt",
    ]
    assert json.loads((folder / "best.json").read_text()) == {
        "path": "epoch=1-val_per=0.2500.ckpt",
        "monitor": "val_per",
        "score": 0.25,
    }
    assert isinstance(trainer.strategy.checkpoint_io, DurableCheckpointIO)


def test_the_last_checkpoint_is_the_last_even_where_nothing_got_better(train, one_weight, tmp_path):
    train(one_weight(pers=(0.25, 0.5, 0.75)), CustomModelCheckpoint(), max_epochs=3)
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 2


def test_names_and_numbers_follow_the_arguments(train, one_weight, tmp_path):
    keep = CustomModelCheckpoint(
        filename="{epoch}-{val_cer:.3f}", monitor="val_cer", save_top_k=2, save_last=False
    )
    train(one_weight(pers=(0.5, 0.25, 0.75)), keep, max_epochs=3)
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.ckpt"))
    assert names == ["epoch=0-val_cer=0.500.ckpt", "epoch=1-val_cer=0.250.ckpt"]


def test_a_place_that_cannot_be_written_to_is_told_before_training(train, one_weight, tmp_path):
    (tmp_path / "taken").write_text("a file")
    model = one_weight()
    with pytest.raises(OSError, match="taken"):
        train(model, CustomModelCheckpoint(dirpath=tmp_path / "taken"))
    assert float(model.weight) == 1.0

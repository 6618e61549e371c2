"""Where checkpoints are, which is the best, and what cannot be written."""

import json
from datetime import timedelta

import pytest
import torch
from lightning.pytorch import Callback

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


@pytest.mark.parametrize(
    ("top_k", "kept", "best"), [(1, [2], 2), (2, [1, 2], 2)], ids=["one kept", "two kept"]
)
def test_of_tied_metrics_the_lower_loss_is_better(train, one_weight, tmp_path, top_k, kept, best):
    model = one_weight(pers=(1.0, 1.0, 1.0, 1.0), val_losses=(4.0, 3.0, 2.0, 3.5))
    train(model, CustomModelCheckpoint(save_top_k=top_k, save_last=False), max_epochs=4)
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.ckpt"))
    assert names == [f"epoch={epoch}-val_per=1.0000.ckpt" for epoch in kept]
    recorded = json.loads((tmp_path / "checkpoints" / "best.json").read_text())
    assert recorded["path"] == f"epoch={best}-val_per=1.0000.ckpt"
    state = torch.load(tmp_path / "checkpoints" / recorded["path"], weights_only=True)["callbacks"]
    (saved,) = [one for name, one in state.items() if name.startswith("CustomModelCheckpoint")]
    assert saved["best_model_path"].endswith(recorded["path"])


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


def test_a_folder_that_cannot_be_written_to_is_refused_before_training(train, one_weight, tmp_path):
    (tmp_path / "taken").write_text("a file")
    model = one_weight()
    with pytest.raises(OSError, match="taken"):
        train(model, CustomModelCheckpoint(dirpath=tmp_path / "taken"))
    assert float(model.weight) == 1.0


class Seen(Callback):
    """Reads what ``last.ckpt`` held as each step began."""

    def __init__(self, folder):
        self.folder, self.steps = folder, []

    def on_train_batch_end(self, trainer, *_):
        path = self.folder / "last.ckpt"
        self.steps.append(torch.load(path, weights_only=True)["global_step"] if path.is_file() else None)


def test_steps_between_validations_update_the_last_checkpoint_and_leave_the_best_to_validation(
    train, one_weight, tmp_path
):
    seen = Seen(tmp_path / "checkpoints")
    train(one_weight(pers=(0.5, 0.25)), CustomModelCheckpoint(every_n_train_steps=3), seen, max_epochs=2)
    assert seen.steps == [None, None, None, 3, 4, 4, 6, 6]  # four steps an epoch
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.ckpt"))
    assert names == ["epoch=1-val_per=0.2500.ckpt", "last.ckpt"]
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 8


def test_after_the_interval_of_time_the_last_checkpoint_is_updated(train, one_weight, tmp_path):
    seen = Seen(tmp_path / "checkpoints")
    train(one_weight(), CustomModelCheckpoint(train_time_interval=timedelta(0)), seen)
    assert seen.steps == [None, 1, 2, 3]


def test_without_a_metric_of_validation_every_step_checkpoint_is_kept(train, one_weight, tmp_path):
    keep = CustomModelCheckpoint(monitor=None, filename="{step}", save_top_k=-1, every_n_train_steps=2)
    train(one_weight(), keep, max_epochs=2)
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.ckpt"))
    assert names == ["last.ckpt", "step=2.ckpt", "step=4.ckpt", "step=6.ckpt", "step=8.ckpt"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"every_n_train_steps": -1},
        {"every_n_train_steps": 2, "train_time_interval": timedelta(1)},
        {"every_n_train_steps": 2, "save_last": False},
    ],
)
def test_contradictory_intervals_are_refused(arguments):
    with pytest.raises(ValueError, match="CustomModelCheckpoint"):
        CustomModelCheckpoint(**arguments)


def test_leftovers_of_killed_saves_are_removed_at_the_start(train, one_weight, tmp_path):
    leftover = tmp_path / "checkpoints" / ".last.ckpt.abc.ckpt.tmp"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half")
    train(one_weight(), CustomModelCheckpoint())
    assert not leftover.exists()


def test_a_fast_development_run_writes_nothing_to_the_current_folder(
    train, one_weight, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    train(one_weight(), CustomModelCheckpoint(), fast_dev_run=True)
    assert list(tmp_path.rglob("*.ckpt")) == []


def test_training_without_validation_says_once_why_no_best_checkpoint_is_chosen(
    train, one_weight, tmp_path, caplog, recwarn
):
    train(one_weight(), CustomModelCheckpoint(), max_epochs=3, limit_val_batches=0)
    assert caplog.text.count("there is no val_per to choose the best checkpoint by") == 1
    assert not [warning for warning in recwarn if "Did you call" in str(warning.message)]
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()

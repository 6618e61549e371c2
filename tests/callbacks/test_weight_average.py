"""Averages of weights: their closed form, where they replace the raw weights, and where they are kept."""

import pytest
import torch
from lightning.pytorch import Callback

from callbacks import CustomModelCheckpoint, WeightAverage
from callbacks.weight_average import AVERAGE_KEY, decay_after
from experiment.errors import ConfigError

DECAYS = (1 / 10, 2 / 11, 3 / 12)


def averaged(raw, decays=DECAYS, start=1.0):
    for value, decay in zip(raw, decays, strict=True):
        start = decay * start + (1 - decay) * value
    return start


class Weights(Callback):
    """Notes the weight that each validation sees, and the one that each step begins with."""

    def __init__(self):
        self.validated, self.trained = [], []

    def on_validation_batch_start(self, trainer, module, *_):
        self.validated.append(module.weight.item())

    def on_train_batch_start(self, trainer, module, *_):
        self.trained.append(module.weight.item())


def loaded(tmp_path, name="last.ckpt"):
    return torch.load(tmp_path / "checkpoints" / name, weights_only=True)


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return torch.equal(one, other)


def test_the_average_has_its_closed_form_and_is_validated_and_saved(train, one_weight, tmp_path):
    notes = Weights()
    limits = {"limit_train_batches": 3, "limit_val_batches": 1, "num_sanity_val_steps": 0}
    model = one_weight()
    train(model, WeightAverage(ema_decay=0.999), notes, CustomModelCheckpoint(), **limits)
    expected = averaged((0.9, 0.8, 0.7))  # SGD with rate 0.1, gradient 1
    assert notes.validated == [pytest.approx(expected, abs=1e-6)]
    assert notes.trained == pytest.approx([1.0, 0.9, 0.8], abs=1e-6)
    for name in ("last.ckpt", "epoch=0-val_per=0.5000.ckpt"):
        checkpoint = loaded(tmp_path, name)
        assert checkpoint["state_dict"]["weight"].item() == notes.validated[0]
        assert checkpoint[AVERAGE_KEY]["raw"]["weight"].item() == pytest.approx(0.7, abs=1e-6)
    assert model.weight.item() == notes.validated[0]  # for an evaluation without a checkpoint


def test_the_decay_is_at_most_the_given_one(train, one_weight, tmp_path):
    train(one_weight(), WeightAverage(ema_decay=0.15), CustomModelCheckpoint(), limit_train_batches=3)
    expected = averaged((0.9, 0.8, 0.7), (0.1, 0.15, 0.15))
    assert loaded(tmp_path)["state_dict"]["weight"].item() == pytest.approx(expected, abs=1e-6)
    assert decay_after(10**6, 0.999) == 0.999


def test_raw_weights_train_as_without_an_average(train, one_weight):
    plain, notes = Weights(), Weights()
    train(one_weight(), plain, max_epochs=3)
    train(one_weight(), WeightAverage(ema_decay=0.9), notes, max_epochs=3)
    assert notes.trained == plain.trained
    assert notes.validated != plain.validated


def test_without_the_callback_checkpoints_hold_nothing_more(train, one_weight, tmp_path):
    train(one_weight(), CustomModelCheckpoint())
    assert AVERAGE_KEY not in loaded(tmp_path)


def test_accumulated_gradients_are_averaged_once_a_step(train, one_weight, tmp_path):
    train(one_weight(), WeightAverage(ema_decay=0.999), CustomModelCheckpoint(), accumulate_grad_batches=2)
    expected = averaged((0.9, 0.8), DECAYS[:2])  # four batches
    assert loaded(tmp_path)["state_dict"]["weight"].item() == pytest.approx(expected, abs=1e-6)


def test_files_with_weights_alone_hold_the_average(train, one_weight, tmp_path):
    train(one_weight(), WeightAverage(ema_decay=0.999), CustomModelCheckpoint(save_weights_only=True))
    checkpoint = loaded(tmp_path)
    assert "optimizer_states" not in checkpoint
    expected = averaged((0.9, 0.8, 0.7, 0.6), (*DECAYS, 4 / 13))
    assert checkpoint["state_dict"]["weight"].item() == pytest.approx(expected, abs=1e-6)


class SaveNow(Callback):
    """Saves in the middle of a validation, as a run does that is stopped there."""

    def __init__(self, path):
        self.path = path

    def on_validation_batch_start(self, trainer, module, batch, batch_idx, *_):
        if not trainer.sanity_checking and batch_idx == 1:
            trainer.save_checkpoint(self.path)


def test_a_checkpoint_that_cuts_a_validation_keeps_both(train, one_weight, tmp_path):
    path = tmp_path / "cut.ckpt"
    train(one_weight(), WeightAverage(ema_decay=0.999), SaveNow(path), limit_train_batches=3)
    checkpoint = torch.load(path, weights_only=True)
    assert checkpoint["state_dict"]["weight"].item() == pytest.approx(averaged((0.9, 0.8, 0.7)), abs=1e-6)
    assert checkpoint[AVERAGE_KEY]["raw"]["weight"].item() == pytest.approx(0.7, abs=1e-6)


def two_layers(one_weight, dtype=torch.float32):
    """A model whose first layer is frozen, and which has a running statistic and a counter."""
    model = one_weight()
    model.frozen = torch.nn.Linear(4, 4).requires_grad_(False)
    model.norm = torch.nn.BatchNorm1d(1, affine=False)
    inner = model.training_step

    def training_step(batch, batch_idx):
        model.norm(batch + torch.tensor([[1.0], [3.0]]))
        return inner(batch, batch_idx)

    model.training_step = training_step
    return model.to(dtype)


def test_frozen_weights_are_not_copied_and_running_statistics_are_averaged(train, one_weight, tmp_path):
    train(two_layers(one_weight), WeightAverage(ema_decay=0.999), CustomModelCheckpoint())
    checkpoint = loaded(tmp_path)
    assert set(checkpoint[AVERAGE_KEY]["average"]) == {"weight", "norm.running_mean", "norm.running_var"}
    means = [0.2, 0.38, 0.542, 0.6878]  # of a momentum of 0.1 and a batch's mean of 2
    expected = averaged(means, (*DECAYS, 4 / 13), start=0.0)
    state = checkpoint["state_dict"]
    assert state["norm.running_mean"].item() == pytest.approx(expected, abs=1e-6)
    assert state["norm.num_batches_tracked"].item() == 4


def test_weights_of_16_bits_have_an_average_of_32(train, one_weight, tmp_path):
    model = one_weight().to(torch.bfloat16)
    train(model, WeightAverage(ema_decay=0.999), CustomModelCheckpoint(), precision="bf16-true", max_epochs=3)
    checkpoint = loaded(tmp_path)
    average = checkpoint[AVERAGE_KEY]["average"]["weight"]
    assert average.dtype == torch.float32
    assert checkpoint["state_dict"]["weight"].dtype == torch.bfloat16
    assert torch.equal(checkpoint["state_dict"]["weight"], average.bfloat16())
    assert not torch.equal(average, average.bfloat16().float())


@pytest.mark.parametrize("precision", ["32-true", "bf16-true"])
def test_a_resumed_run_goes_on_to_the_bit(train, one_weight, tmp_path, precision):
    def run(folder, **arguments):
        model = one_weight(losses=[0.3, 0.7, 0.1, 0.9, 0.5, 0.2, 0.8, 0.4])
        keep = CustomModelCheckpoint(dirpath=tmp_path / folder)
        train(model, WeightAverage(ema_decay=0.6), keep, precision=precision, **arguments)
        return torch.load(tmp_path / folder / "last.ckpt", weights_only=True)

    theirs = run("whole", max_epochs=2)
    run("cut", max_epochs=1)
    ours = run("cut", max_epochs=2, ckpt_path=tmp_path / "cut" / "last.ckpt")
    assert ours["global_step"] == theirs["global_step"] == 8
    assert same(ours["state_dict"], theirs["state_dict"])
    assert same(ours[AVERAGE_KEY], theirs[AVERAGE_KEY])


class Unfreeze(Callback):
    """Lets the weight train from the third batch on."""

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        module.late.requires_grad_(batch_idx >= 2)


def test_what_begins_to_train_later_is_averaged_from_then_on(train, one_weight, tmp_path):
    model = one_weight()
    model.late = torch.nn.Parameter(torch.ones(1), requires_grad=False)
    inner = model.training_step
    model.training_step = lambda batch, batch_idx: inner(batch, batch_idx) + model.late.sum()
    train(model, Unfreeze(), WeightAverage(ema_decay=0.999), CustomModelCheckpoint())
    mean = loaded(tmp_path)["state_dict"]["late"].item()
    assert mean == pytest.approx(averaged((0.9, 0.8), (3 / 12, 4 / 13), start=0.9), abs=1e-6)


def test_an_evaluation_of_a_checkpoint_uses_the_average(train, one_weight, tmp_path):
    model = one_weight()
    trainer = train(model, WeightAverage(ema_decay=0.999), CustomModelCheckpoint())
    average = model.weight.item()
    model.weight.data.fill_(5.0)
    trainer.test(model, trainer.test_loader, ckpt_path=tmp_path / "checkpoints" / "last.ckpt", verbose=False)
    assert model.weight.item() == average


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give ema_decay, best, or both"),
        ({"ema_decay": 1.0}, "ema_decay must lie between 0 and 1, got 1.0"),
        ({"ema_decay": 0.0}, "ema_decay must lie between 0 and 1, got 0.0"),
        ({"best": 1}, "best must be 2 or more, got 1"),
    ],
)
def test_arguments_without_a_meaning_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        WeightAverage(**arguments)


@pytest.mark.parametrize("keep", [{"save_top_k": 4}, {"save_top_k": 9, "monitor": "train_loss"}])
def test_a_mean_of_more_checkpoints_than_are_kept_is_refused(train, one_weight, keep):
    with pytest.raises(ConfigError, match="best: 5 needs callbacks.CustomModelCheckpoint with save_top_k: 5"):
        train(one_weight(), WeightAverage(best=5), CustomModelCheckpoint(**keep))

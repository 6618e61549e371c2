"""Diverged runs end within a few steps, and their weights are neither evaluated nor saved."""

import pytest
import torch

from callbacks import CustomModelCheckpoint
from callbacks.every_run.callback_list import callbacks_of_every_run
from callbacks.every_run.divergence import LossWatch
from models.weights import DivergedError

NAN = float("nan")


def test_a_loss_that_is_not_a_number_ends_the_run_within_a_few_steps(train, one_weight):
    model = one_weight(losses=[1.0, NAN])
    with pytest.raises(DivergedError, match="gradient_clip_val"):
        train(model, *callbacks_of_every_run(), max_epochs=100)
    assert model.trainer.global_step <= 5


def test_a_single_bad_loss_does_not_end_the_run():
    watch = LossWatch()
    for loss in (1.0, NAN, 0.5, float("inf"), NAN, 0.5):
        watch.add(torch.tensor(loss))
        assert not watch.has_diverged


def test_three_bad_losses_in_a_row_do():
    watch = LossWatch()
    for loss in (1.0, NAN, float("-inf"), NAN):
        watch.add(torch.tensor(loss))
    assert watch.has_diverged


def test_the_loss_of_a_device_is_read_when_it_has_arrived():
    class Late:
        arrived = False
        waited = 0

        has_arrived = property(lambda self: self.arrived)

        def is_number(self):
            Late.waited += not self.arrived
            return False

    watch = LossWatch()
    watch._late.extend(Late() for _ in range(8))
    watch.add(torch.tensor(1.0))
    assert Late.waited == 1  # the ninth loss waits for the first one, no other does


def test_weights_that_are_no_numbers_are_not_evaluated_and_not_saved(train, one_weight, tmp_path):
    class Diverging(one_weight):
        def on_train_batch_end(self, outputs, batch, batch_idx):
            if self.trainer.global_step == 4:  # the last step before the validation
                self.weight.data.fill_(NAN)

        def validation_step(self, batch, batch_idx):
            assert torch.isfinite(self.weight).all()
            return super().validation_step(batch, batch_idx)

    keeper = CustomModelCheckpoint(every_n_train_steps=3)
    with pytest.raises(DivergedError, match="the weights are no numbers before step 4"):
        train(Diverging(), *callbacks_of_every_run(), keeper)
    assert sorted(path.name for path in tmp_path.rglob("*.ckpt")) == ["last.ckpt"]  # of step 3


def test_a_metric_that_is_not_a_number_makes_no_best_checkpoint(train, one_weight, tmp_path):
    class Overflowing(one_weight):
        def validation_step(self, batch, batch_idx):
            self.log_dict({"val_loss": NAN, "val_per": 0.1})

    with pytest.raises(DivergedError, match="val_loss is not a number"):
        train(Overflowing(), *callbacks_of_every_run(), CustomModelCheckpoint(), num_sanity_val_steps=0)
    assert not list(tmp_path.rglob("*.ckpt"))
    assert not list(tmp_path.rglob("best.json"))

"""The mean of the best checkpoints: what it is, and when it counts as the best one."""

import json
from types import SimpleNamespace

import pytest
import torch

from callbacks import CustomModelCheckpoint, WeightAverage
from callbacks.checkpoint_mean import better_mean
from experiment.checkpoint import newest_loadable

PERS = (0.5, 0.25, 0.125, 0.75)


@pytest.fixture
def trained(train, one_weight):
    """A finished training of four epochs, whose three best checkpoints are kept."""

    def trained(*averages, **arguments):
        keep = CustomModelCheckpoint(save_top_k=3)
        return train(one_weight(pers=PERS), *averages, keep, max_epochs=4, **arguments)

    return trained


def validated(trainer, per, loss=1.0):
    """The mean where its validation has these results, and the files that were validated."""
    metrics, files = {}, []
    shown = SimpleNamespace(
        checkpoint_callback=trainer.checkpoint_callback,
        callbacks=trainer.callbacks,
        callback_metrics=metrics,
        is_global_zero=True,
        strategy=trainer.strategy,
    )

    def validate(path):
        files.append(torch.load(path, weights_only=True))
        metrics.update(val_per=per, val_loss=loss)

    return better_mean(shown, validate), files


def best(tmp_path):
    return json.loads((tmp_path / "checkpoints" / "best.json").read_text())


def test_a_better_mean_becomes_the_best_checkpoint(trained, tmp_path):
    path, (mean,) = validated(trained(WeightAverage(best=2)), per=0.1)
    assert path == str(tmp_path / "checkpoints" / "mean_of_best.ckpt")
    # After epochs 1 and 2, of four steps of 0.1 each, the weight was 0.2 and -0.2.
    assert mean["state_dict"]["weight"].item() == pytest.approx(0.0, abs=1e-6)
    assert not {"optimizer_states", "loops", "callbacks"} & mean.keys()
    assert best(tmp_path) == {"path": "mean_of_best.ckpt", "monitor": "val_per", "score": 0.1}


@pytest.mark.parametrize(
    ("per", "loss", "taken"), [(0.13, 0.5, False), (0.125, 1.0, False), (0.125, 0.9, True)]
)
def test_a_mean_is_taken_only_where_it_is_better(trained, tmp_path, per, loss, taken):
    path, _ = validated(trained(WeightAverage(best=3)), per, loss)
    assert (path is not None) == taken == (tmp_path / "checkpoints" / "mean_of_best.ckpt").exists()
    assert best(tmp_path)["path"] == ("mean_of_best.ckpt" if taken else "epoch=2-val_per=0.1250.ckpt")


def test_without_the_key_there_is_no_mean(trained):
    assert validated(trained(), per=0.0) == (None, [])
    assert validated(trained(WeightAverage(ema_decay=0.5)), per=0.0) == (None, [])


def test_means_of_averages_and_frozen_weights_are_exact(train, one_weight, tmp_path):
    model = one_weight(pers=PERS)
    model.frozen = torch.nn.Parameter(torch.randn(5), requires_grad=False)
    average = WeightAverage(ema_decay=0.9, best=3)
    trainer = train(model, average, CustomModelCheckpoint(save_top_k=3), max_epochs=4)
    _, (mean,) = validated(trainer, per=0.1)
    kept = [torch.load(path, weights_only=True)["state_dict"] for path in tmp_path.glob("checkpoints/epoch*")]
    expected = sum(state["weight"].double() for state in kept) / 3
    assert mean["state_dict"]["weight"].item() == pytest.approx(expected.item(), abs=1e-7)
    assert torch.equal(mean["state_dict"]["frozen"], model.frozen)


def test_a_run_does_not_resume_from_a_mean(trained, tmp_path, caplog):
    validated(trained(WeightAverage(best=3)), per=0.0)
    assert newest_loadable([tmp_path], resumes=True).path.name == "last.ckpt"
    assert "mean_of_best" not in caplog.text

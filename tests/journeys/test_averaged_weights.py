"""Runs whose weights are averaged: killed and resumed to the bit, evaluated and used with the average."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from callbacks.weight_average import AVERAGE_KEY
from experiment.folder import best_checkpoint
from inference import Recognizer
from tests.journeys.configuration import TINY_WAV2VEC2, configuration, sentences, written
from tests.journeys.experiments import assert_same_weights, last_checkpoint, metrics_of
from tests.journeys.forked_runs import ForkedRuns
from tests.journeys.main_program import run_main
from tests.journeys.step_ledger import ledger_option

Fit = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def config(place: Path) -> Path:
    """Three epochs of five steps, and the mean of the two best averages."""
    content = configuration(
        place,
        model={"network_config": TINY_WAV2VEC2 | {"hidden_dropout": 0.2}},
        data={"dataset_classes": sentences(20, 6, 3)},
        trainer={
            "max_epochs": 3,
            "enable_model_summary": False,
            "callbacks": [
                {"class_path": "callbacks.WeightAverage", "init_args": {"ema_decay": 0.8, "best": 2}},
                {
                    "class_path": "callbacks.CustomModelCheckpoint",
                    "init_args": {"every_n_train_steps": 2, "save_top_k": 2, "monitor": "val_loss"},
                },
                {"class_path": "callbacks.LogMetricsCallback"},
            ],
        },
    )
    return written(place / "config.yaml", content)


@pytest.fixture(scope="module")
def fit(runs: ForkedRuns, config: Path, place: Path) -> Fit:
    """Fit under a name, with a signal at some point; exit status and output."""

    def fit(name: str, *overrides: str, **ledger: object) -> tuple[int, str]:
        options = ledger_option(place / f"{name}.ledger", **ledger)
        return runs.run("fit", "--config", str(config), "--custom_folder_name", name, *options, *overrides)

    return fit


@pytest.fixture(scope="module")
def undisturbed(fit: Fit, place: Path) -> Path:
    status, output = fit("undisturbed")
    assert status == 0, output
    assert "mean of the 2 best checkpoints: val_loss " in output
    return place / "experiments" / "undisturbed"


@pytest.mark.parametrize(
    ("signal_name", "status", "step", "moment"),
    [("SIGKILL", -9, 8, "on_train_batch_start"), ("SIGTERM", 143, 5, "on_validation_batch_end")],
)
def test_an_interrupted_run_resumes_to_the_bit(
    fit: Fit, place: Path, undisturbed: Path, signal_name: str, status: int, step: int, moment: str
) -> None:
    assert fit(signal_name, signal_name=signal_name, step=step, moment=moment)[0] == status
    ended, output = fit(signal_name, "--ckpt_path", "last")
    assert ended == 0, output
    folder = place / "experiments" / signal_name
    assert_same_weights(folder, undisturbed)
    ours, theirs = (last_checkpoint(one)[AVERAGE_KEY]["raw"] for one in (folder, undisturbed))
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert not torch.equal(theirs["network.lm_head.weight"], weights(undisturbed)["network.lm_head.weight"])
    assert metrics_of(folder)["val_loss"] == metrics_of(undisturbed)["val_loss"]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return last_checkpoint(folder)["state_dict"]


def test_the_average_is_used_and_weights_for_another_run_are_taken_from_it(
    fit: Fit, undisturbed: Path
) -> None:
    best = best_checkpoint(undisturbed)
    state = torch.load(best, weights_only=True)["state_dict"]
    used = Recognizer(best).model.network.state_dict()
    assert all(torch.equal(value, state[f"network.{name}"]) for name, value in used.items())
    options = ("--only_weights_load", "true", "--ckpt_path", str(best), "--trainer.max_steps", "1")
    status, output = fit("started", *options, "--model.lr", "0.0")
    assert status == 0, output
    started = weights(undisturbed.parent / "started")
    assert all(torch.allclose(started[name], value) for name, value in state.items())


@pytest.mark.slow
def test_two_processes_validate_and_keep_one_average(config: Path, place: Path, runs: ForkedRuns) -> None:
    both = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.num_sanity_val_steps", "0")
    done = run_main("fit", "--config", config, "--custom_folder_name", "two", *both)
    assert done.returncode == 0, done.stderr[-3000:]
    folder = place / "experiments" / "two"
    assert AVERAGE_KEY in last_checkpoint(folder)
    status, output = runs.run("test", "--config", str(config), "--ckpt_path", str(best_checkpoint(folder)))
    assert status == 0, output
    (evaluation,) = place.glob("experiments/*/evaluations/test*")
    assert metrics_of(evaluation)["test_per"] == metrics_of(folder)["test_per"]

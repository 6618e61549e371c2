"""Runs that are killed or stopped at any moment and resumed have the same steps and weights, to the bit."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
import yaml

from experiment.checkpoint import newest_loadable
from tests.journeys.configuration import TINY_WAV2VEC2, configuration, noise, sentences, written
from tests.journeys.experiments import assert_same_weights, last_checkpoint
from tests.journeys.forked_runs import ForkedRuns
from tests.journeys.step_ledger import MOMENTS, ledger, ledger_callback, ledger_option

STEPS_PER_EPOCH, EPOCHS = 5, 3
Fit = Callable[..., tuple[int, str]]
Steps = dict[tuple[int, int], tuple[list[str], int]]  # epoch, batch → ids, checksum of the audio


@pytest.fixture(scope="module")
def config(place: Path) -> Path:
    """Twenty spoken sentences, augmented; dropout, masks, and a learning rate that follows a metric."""
    network = {"hidden_dropout": 0.2, "mask_time_prob": 0.2, "mask_time_length": 2}
    content = configuration(
        place,
        model={
            "network_config": TINY_WAV2VEC2 | network,
            "scheduler": "ReduceLROnPlateau",
            "metric_scheduler": "val_blank_share",
            "metric_patience": 0,
            "gamma": 0.5,
        },
        data={"dataset_classes": sentences(20, 6, 2), "augmentations": noise(0.7)},
        trainer={
            "max_epochs": EPOCHS,
            "enable_model_summary": False,
            "limit_test_batches": 0,
            "callbacks": [
                {"class_path": "callbacks.CustomModelCheckpoint", "init_args": {"every_n_train_steps": 2}},
                {"class_path": "callbacks.LogMetricsCallback"},
            ],
        },
    )
    return written(place / "config.yaml", content)


@pytest.fixture(scope="module")
def fit(runs: ForkedRuns, config: Path, place: Path) -> Fit:
    """Fit under a name, with a signal at some point; exit status and output."""

    def fit(name: str, *overrides: str, resume: bool = False, **ledger_arguments: object) -> tuple[int, str]:
        resuming = ("--ckpt_path", "last") if resume else ()
        return runs.run(
            *("fit", "--config", str(config), "--custom_folder_name", name),
            *(*ledger_option(place / f"{name}.ledger", **ledger_arguments), *resuming, *overrides),
        )

    return fit


def assert_same(place: Path, name: str, other: str) -> None:
    folder, expected = (place / "experiments" / run for run in (name, other))
    assert_same_weights(folder, expected)
    ours, theirs = last_checkpoint(folder), last_checkpoint(expected)
    assert ours["global_step"] == theirs["global_step"]
    rates = [state["optimizer_states"][0]["param_groups"][0]["lr"] for state in (ours, theirs)]
    assert rates[0] == rates[1]
    assert not (place / "experiments" / f"{name}_2").exists()
    assert [path.name for path in folder.glob("checkpoints/last*")] == ["last.ckpt"]


def given(place: Path, name: str) -> Steps:
    """The clips of each step; a step that was repeated must have had the same."""
    steps = {}
    for line in ledger(place / f"{name}.ledger"):
        if "ids" in line:
            shown = (line["ids"], line["audio"])
            assert steps.setdefault((line["epoch"], line["batch"]), shown) == shown
    return steps


def assert_every_clip_once_per_epoch(steps: Steps) -> None:
    for epoch in range(EPOCHS):
        seen = Counter(key for (of, _), (ids, _) in steps.items() if of == epoch for key in ids)
        assert len(seen) == 20
        assert set(seen.values()) == {1}


@pytest.fixture(scope="module")
def undisturbed(fit: Fit, place: Path) -> str:
    status, output = fit("undisturbed")
    assert status == 0, output
    assert_every_clip_once_per_epoch(given(place, "undisturbed"))
    return "undisturbed"


def resume_to_the_end(fit: Fit, name: str, *overrides: str) -> None:
    status, output = fit(name, *overrides, resume=True)
    assert status == 0, output


def kill_and_resume(
    fit: Fit, place: Path, name: str, kills: Sequence[tuple[int, str]], *overrides: str
) -> int:
    """Kill at each of these steps and moments, resume each time; return how often the signal came."""
    came = 0
    for step, moment in kills:
        resume = (place / "experiments" / name).exists() and newest_loadable(
            [place / "experiments" / name], resumes=True
        )
        status, output = fit(
            name, *overrides, resume=bool(resume), signal_name="SIGKILL", step=step, moment=moment
        )
        assert status in (-9, 0), output
        came += status == -9
        if status == 0:
            return came
        if not resume and not list((place / "experiments" / name).glob("checkpoints/*.ckpt")):
            (place / "experiments" / name).rename(place / "experiments" / f"nothing_of_{name}_{step}")
    resume_to_the_end(fit, name, *overrides)
    return came


def test_kills_around_an_epochs_end_change_nothing(fit: Fit, place: Path, undisturbed: str) -> None:
    kills = [
        (3, "on_before_optimizer_step"),
        (5, "on_validation_batch_end"),
        (5, "on_validation_end"),
        (6, "on_train_batch_start"),
    ]
    assert kill_and_resume(fit, place, "boundary", kills) == 4
    assert given(place, "boundary") == given(place, undisturbed)
    assert_same(place, "boundary", undisturbed)


def cut_and_resume(fit: Fit, place: Path, name: str, whole: str, *overrides: str) -> None:
    """End after eight steps, three into the second epoch, and resume; Lightning counts that epoch as done."""
    status, output = fit(name, *overrides, "--trainer.max_steps", "8")
    assert status == 0, output
    status, output = fit(name, *overrides, resume=True)
    assert status == 0, output
    assert "resuming after step 8: epoch 1, 3 of its batches are done" in output
    assert given(place, name) == given(place, whole)
    assert_same(place, name, whole)


def test_a_run_whose_steps_end_in_mid_epoch_resumes_there(fit: Fit, place: Path, undisturbed: str) -> None:
    cut_and_resume(fit, place, "cut", undisturbed)


@pytest.mark.slow
def test_drawn_clips_are_the_same_after_a_resume_and_with_workers(fit: Fit, place: Path) -> None:
    by_speaker = "--data.sampling={by: speaker, temperature: 0.0}"
    status, output = fit("drawn", by_speaker)
    assert status == 0, output
    assert "sampling: " in output
    cut_and_resume(fit, place, "drawn_cut", "drawn", by_speaker, "--data.num_workers=4")
    status, output = fit("drawn_other", by_speaker, "--trainer.max_steps=8")
    assert status == 0, output
    status, output = fit("drawn_other", resume=True)
    assert status == 2
    assert "data.sampling or the weight of a data set was Sampling" in output


@pytest.mark.slow
def test_label_priors_are_the_same_after_a_resume(fit: Fit, place: Path) -> None:
    option = "--model.label_prior={weight: 0.3}"
    status, output = fit("prior", option)
    assert status == 0, output
    cut_and_resume(fit, place, "prior_cut", "prior", option)
    ours, theirs = (last_checkpoint(place / "experiments" / name) for name in ("prior_cut", "prior"))
    assert all(torch.equal(ours["label_prior"][key], theirs["label_prior"][key]) for key in ("prior", "sums"))


@pytest.mark.slow
def test_a_run_whose_steps_end_without_a_validation_resumes_there(fit: Fit, place: Path) -> None:
    overrides = ("--trainer.limit_val_batches=0", "--model.scheduler=null")
    without_metric = ("--model.metric_scheduler=null", "--model.metric_patience=null", "--model.gamma=null")
    status, output = fit("unvalidated", *overrides, *without_metric)
    assert status == 0, output
    cut_and_resume(fit, place, "unvalidated_cut", "unvalidated", *overrides, *without_metric)


def test_a_run_killed_after_an_epochs_validation_resumes_in_the_next_one(fit: Fit, place: Path) -> None:
    saves_there = "--trainer.val_check_interval=5"  # else once the epoch has ended
    assert fit("ended", saves_there, signal_name="SIGKILL", step=5, moment="on_train_epoch_end")[0] == -9
    status, output = fit("ended", saves_there, "--trainer.max_steps", "6", resume=True)
    assert status == 0, output
    assert "resuming after step 5: epoch 1, 0 of its batches are done" in output


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_kills_at_eight_random_steps_change_nothing(
    fit: Fit, place: Path, undisturbed: str, workers: str
) -> None:
    draw = random.Random(int(workers))
    steps = sorted(draw.sample(range(2, STEPS_PER_EPOCH * EPOCHS - 1), 8))
    kills = [(step, draw.choice(MOMENTS[:3])) for step in steps]
    name = f"killed_{workers}"
    assert kill_and_resume(fit, place, name, kills, "--data.num_workers", workers) == 8
    assert given(place, name) == given(place, undisturbed)
    assert_same(place, name, undisturbed)


@pytest.mark.parametrize(
    ("name", "status", "step", "moment"),
    [("SIGINT", 130, 7, "on_before_optimizer_step"), ("SIGTERM", 143, 5, "on_validation_batch_end")],
)
def test_a_stopped_run_keeps_every_step(
    fit: Fit, place: Path, undisturbed: str, name: str, status: int, step: int, moment: str
) -> None:
    run = f"{name}_{moment}"
    ended, output = fit(run, "--data.num_workers", "2", signal_name=name, step=step, moment=moment)
    assert ended == status, output
    assert "Traceback" not in output
    last = output.splitlines()[-1]
    kept = step + (moment == "on_before_optimizer_step")
    assert last.startswith(f"stopped by {name}: step {kept} is in ")
    assert last.endswith("resume by the same command with --ckpt_path last")
    assert "test_per" not in output
    assert "experiment:" not in output
    resume_to_the_end(fit, run)
    assert given(place, run) == given(place, undisturbed)
    assert_same(place, run, undisturbed)
    trained = [line for line in ledger(place / f"{run}.ledger") if "loss" in line]
    assert len(trained) == STEPS_PER_EPOCH * EPOCHS  # nothing was trained on twice


def test_without_a_checkpoint_callback_the_status_is_right_all_the_same(fit: Fit, place: Path) -> None:
    watch = ledger_callback(place / "bare.ledger", signal_name="SIGTERM", step=2)
    overrides = ("--trainer.callbacks", yaml.safe_dump([watch]), "--trainer.enable_checkpointing", "false")
    status, output = fit("bare", *overrides)
    assert status == 143, output
    assert output.splitlines()[-1].startswith("stopped by SIGTERM: step 3 is not saved")
    assert not list((place / "experiments/bare").glob("**/*.ckpt"))


def test_resuming_in_mid_epoch_with_other_batches_is_refused(fit: Fit, place: Path, undisturbed: str) -> None:
    status, output = fit("moved", signal_name="SIGTERM", step=7)
    assert status == 143, output
    fewer = place / "fewer.yaml"
    dataset = yaml.safe_load((place / "config.yaml").read_text())["data"]["dataset_classes"][0]
    dataset["init_args"]["num_train"] = 19
    fewer.write_text(yaml.safe_dump({"data": {"dataset_classes": [dataset]}}))
    for overrides, message in (
        (("--data.batch_size", "5"), "data.batch_size was 4, is 5"),
        (("--seed_everything", "8"), "seed_everything or data.seed was 7, is 8"),
        (("--trainer.accumulate_grad_batches", "2"), "accumulate_grad_batches was 1, is 2"),
        (("--config", str(fewer)), "recordings of the training split"),
    ):
        status, output = fit("moved", *overrides, resume=True)
        assert status == 2, output
        assert message in output
        assert "Traceback" not in output


@pytest.mark.parametrize("size", [5, 2])
def test_at_an_epochs_end_another_batch_size_is_fine(
    fit: Fit, place: Path, undisturbed: str, size: int
) -> None:
    name = f"resized_{size}"
    status, output = fit(name, "--trainer.max_epochs", "1")
    assert status == 0, output
    resume_to_the_end(fit, name, "--data.batch_size", str(size))
    assert_every_clip_once_per_epoch(given(place, name))


def test_a_run_of_shortened_epochs_resumes_with_the_next_one(fit: Fit, place: Path) -> None:
    cut = ("--trainer.limit_train_batches", "2", "--trainer.max_epochs", "2")
    for name, *stops in (("short",), ("short_stopped", "--trainer.max_epochs", "1")):
        status, output = fit(name, *cut, *stops)
        assert status == 0, output
    resume_to_the_end(fit, "short_stopped", *cut)
    assert given(place, "short_stopped") == given(place, "short")
    assert_same(place, "short_stopped", "short")

"""Runs that are killed or stopped at any moment, and go on: the same steps, the same weights to the bit."""

import random
from collections import Counter

import pytest
import torch
import yaml
from step_ledger import MOMENTS, ledger

from experiment.checkpoint import newest_loadable

NETWORK = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [16, 16, 16],
    "conv_kernel": [20, 8, 8],
    "conv_stride": [10, 8, 4],
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "hidden_dropout": 0.2,
    "mask_time_prob": 0.2,
    "mask_time_length": 2,
}
STEPS_PER_EPOCH, EPOCHS = 5, 3


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def config(place):
    """Twenty spoken sentences, augmented; dropout, masks, and a rate that follows a figure."""
    content = {
        "seed_everything": 7,
        "model": {
            "vocab_file": "dataset_modules/tokens/russian_phones.json",
            "network_config": NETWORK,
            "freeze_feature_extractor": False,
            "lr": 0.003,
            "scheduler": "ReduceLROnPlateau",
            "metric_scheduler": "val_blank_share",
            "metric_patience": 0,
            "gamma": 0.5,
        },
        "data": {
            "language": "ru",
            "batch_size": 4,
            "dataset_classes": [
                {
                    "class_path": "dataset_modules.synthetic.SyntheticSpeechDataset",
                    "init_args": {
                        "num_train": 20,
                        "num_val": 6,
                        "num_test": 2,
                        "cache_dir": str(place / "cache"),
                    },
                }
            ],
            "augmentations": [{"class_path": "audiomentations.AddGaussianNoise", "init_args": {"p": 0.7}}],
        },
        "trainer": {
            "accelerator": "cpu",
            "max_epochs": EPOCHS,
            "default_root_dir": str(place),
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "limit_test_batches": 0,
            "callbacks": [
                {"class_path": "callbacks.CustomModelCheckpoint", "init_args": {"every_n_train_steps": 2}},
                {"class_path": "callbacks.LogMetricsCallback"},
            ],
        },
    }
    path = place / "config.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def fit(runs, config, place):
    """Fit under a name, with a signal at some point; exit status and output."""

    def fit(name, *overrides, resume=False, **ledger_arguments):
        arguments = {"path": str(place / f"{name}.ledger"), **ledger_arguments}
        watch = yaml.safe_dump({"class_path": "step_ledger.StepLedger", "init_args": arguments})
        resuming = ("--ckpt_path", "last") if resume else ()
        return runs.run(
            *("fit", "--config", str(config), "--custom_folder_name", name),
            *("--trainer.callbacks+", watch, *resuming, *overrides),
        )

    return fit


def weights(place, name):
    return torch.load(place / "experiments" / name / "checkpoints/last.ckpt", weights_only=True)


def assert_same(place, name, other):
    ours, theirs = weights(place, name), weights(place, other)
    assert ours["global_step"] == theirs["global_step"]
    for key, value in theirs["state_dict"].items():
        assert torch.equal(value, ours["state_dict"][key]), key
    rates = [state["optimizer_states"][0]["param_groups"][0]["lr"] for state in (ours, theirs)]
    assert rates[0] == rates[1]
    assert not (place / "experiments" / f"{name}_2").exists()
    assert sorted(path.name for path in (place / "experiments" / name / "checkpoints").glob("last*")) == [
        "last.ckpt"
    ]


def given(place, name):
    """What each step was given, told apart by its place; a step that came again must be the same."""
    steps = {}
    for line in ledger(place / f"{name}.ledger"):
        if "ids" in line:
            shown = (line["ids"], line["audio"])
            assert steps.setdefault((line["epoch"], line["batch"]), shown) == shown
    return steps


def assert_every_clip_once_per_epoch(steps):
    for epoch in range(EPOCHS):
        seen = Counter(key for (of, _), (ids, _) in steps.items() if of == epoch for key in ids)
        assert len(seen) == 20
        assert set(seen.values()) == {1}


@pytest.fixture(scope="module")
def undisturbed(fit, place):
    status, output = fit("undisturbed")
    assert status == 0, output
    assert_every_clip_once_per_epoch(given(place, "undisturbed"))
    return "undisturbed"


def resumed_to_the_end(fit, name, *overrides):
    status, output = fit(name, *overrides, resume=True)
    assert status == 0, output


def kill_and_resume(fit, place, name, kills, *overrides):
    """Kill at each of these steps and moments, go on each time; how often the signal came."""
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
    resumed_to_the_end(fit, name, *overrides)
    return came


def test_kills_around_an_epochs_end_change_nothing(fit, place, undisturbed):
    kills = [
        (3, "on_before_optimizer_step"),
        (5, "on_validation_batch_end"),
        (5, "on_validation_end"),
        (6, "on_train_batch_start"),
    ]
    assert kill_and_resume(fit, place, "boundary", kills) == 4
    assert given(place, "boundary") == given(place, undisturbed)
    assert_same(place, "boundary", undisturbed)


def cut_and_resume(fit, place, name, whole, *overrides):
    """End after eight steps, three into the second epoch, and go on; Lightning counts that epoch as done."""
    status, output = fit(name, *overrides, "--trainer.max_steps", "8")
    assert status == 0, output
    status, output = fit(name, *overrides, resume=True)
    assert status == 0, output
    assert "going on after step 8: epoch 1, 3 of its batches are done" in output
    assert given(place, name) == given(place, whole)
    assert_same(place, name, whole)


def test_steps_that_end_in_mid_epoch_are_gone_on_from_there(fit, place, undisturbed):
    cut_and_resume(fit, place, "cut", undisturbed)


@pytest.mark.slow
def test_steps_that_end_without_a_validation_are_gone_on_from_there(fit, place):
    overrides = ("--trainer.limit_val_batches=0", "--model.scheduler=null")
    unwatched = ("--model.metric_scheduler=null", "--model.metric_patience=null", "--model.gamma=null")
    status, output = fit("unjudged", *overrides, *unwatched)
    assert status == 0, output
    cut_and_resume(fit, place, "unjudged_cut", "unjudged", *overrides, *unwatched)


def test_a_run_killed_after_an_epochs_validation_says_that_the_next_one_comes(fit, place):
    saves_there = "--trainer.val_check_interval=5"  # else once the epoch has ended
    assert fit("ended", saves_there, signal_name="SIGKILL", step=5, moment="on_train_epoch_end")[0] == -9
    status, output = fit("ended", saves_there, "--trainer.max_steps", "6", resume=True)
    assert status == 0, output
    assert "going on after step 5: epoch 1, 0 of its batches are done" in output


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_kills_at_eight_random_steps_change_nothing(fit, place, undisturbed, workers):
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
def test_a_stopped_run_keeps_every_step(fit, place, undisturbed, name, status, step, moment):
    run = f"{name}_{moment}"
    ended, output = fit(run, "--data.num_workers", "2", signal_name=name, step=step, moment=moment)
    assert ended == status, output
    assert "Traceback" not in output
    last = output.splitlines()[-1]
    kept = step + (moment == "on_before_optimizer_step")
    assert last.startswith(f"stopped by {name}: step {kept} is in ")
    assert last.endswith("go on by the same command with --ckpt_path last")
    assert "test_per" not in output
    assert "experiment:" not in output
    resumed_to_the_end(fit, run)
    assert given(place, run) == given(place, undisturbed)
    assert_same(place, run, undisturbed)
    trained = [line for line in ledger(place / f"{run}.ledger") if "loss" in line]
    assert len(trained) == STEPS_PER_EPOCH * EPOCHS  # nothing was trained on twice


def test_without_a_checkpoint_callback_the_status_is_right_all_the_same(fit, place):
    watch = "[{class_path: step_ledger.StepLedger, init_args: {path: %s, signal_name: SIGTERM, step: 2}}]"
    ledger_path = place / "bare.ledger"
    status, output = fit(
        "bare", "--trainer.callbacks", watch % ledger_path, "--trainer.enable_checkpointing", "false"
    )
    assert status == 143, output
    assert output.splitlines()[-1].startswith("stopped by SIGTERM: step 3 is not kept")
    assert not list((place / "experiments/bare").glob("**/*.ckpt"))


def test_a_place_whose_batches_would_be_others_is_refused_in_mid_epoch(fit, place, undisturbed):
    status, output = fit("moved", signal_name="SIGTERM", step=7)
    assert status == 143, output
    fewer = place / "fewer.yaml"
    dataset = yaml.safe_load((place / "config.yaml").read_text())["data"]["dataset_classes"][0]
    dataset["init_args"]["num_train"] = 19
    fewer.write_text(yaml.safe_dump({"data": {"dataset_classes": [dataset]}}))
    for overrides, told in (
        (("--data.batch_size", "5"), "data.batch_size was 4, is 5"),
        (("--seed_everything", "8"), "seed_everything or data.seed was 7, is 8"),
        (("--trainer.accumulate_grad_batches", "2"), "accumulate_grad_batches was 1, is 2"),
        (("--config", str(fewer)), "recordings of the training split"),
    ):
        status, output = fit("moved", *overrides, resume=True)
        assert status == 2, output
        assert told in output
        assert "Traceback" not in output


@pytest.mark.parametrize("size", [5, 2])
def test_at_an_epochs_end_another_batch_size_is_fine(fit, place, undisturbed, size):
    name = f"resized_{size}"
    status, output = fit(name, "--trainer.max_epochs", "1")
    assert status == 0, output
    resumed_to_the_end(fit, name, "--data.batch_size", str(size))
    assert_every_clip_once_per_epoch(given(place, name))


def test_epochs_that_are_cut_short_go_on_with_the_next_one(fit, place):
    cut = ("--trainer.limit_train_batches", "2", "--trainer.max_epochs", "2")
    for name, *stops in (("short",), ("short_stopped", "--trainer.max_epochs", "1")):
        status, output = fit(name, *cut, *stops)
        assert status == 0, output
    resumed_to_the_end(fit, "short_stopped", *cut)
    assert given(place, "short_stopped") == given(place, "short")
    assert_same(place, "short_stopped", "short")

"""One search through the application, with real trials; and its best configuration, trained as it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TINY = {
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
}
NOISE = "data.augmentations[0].init_args"


def configuration(place):
    return {
        "seed_everything": 7,
        "custom_folder_name": "tiny",
        "model": {
            "vocab_file": "dataset_modules/tokens/russian_phones.json",
            "network_config": TINY,
            "freeze_feature_extractor": False,
            "optimizer": "AdamW",
            "lr": 0.003,
        },
        "data": {
            "language": "ru",
            "batch_size": 4,
            "create_dataset": True,
            "dataset_classes": [
                {
                    "class_path": "dataset_modules.synthetic.SyntheticSpeechDataset",
                    "init_args": {
                        "num_train": 8,
                        "num_val": 3,
                        "num_test": 3,
                        "cache_dir": str(place / "cache"),
                    },
                }
            ],
            "augmentations": [{"class_path": "audiomentations.AddGaussianNoise", "init_args": {"p": 0.5}}],
        },
        "trainer": {
            "accelerator": "cpu",
            "default_root_dir": str(place),
            "enable_progress_bar": False,
            "max_epochs": 2,
        },
        "optuna": {
            "tune": True,
            "n_trials": 3,
            "direction": "minimize",
            "metric": "val_loss",
            # As users write it, and two that are no numbers.
            "search_spaces": {
                f"{NOISE}.min_amplitude": {"distribution": "uniform", "low": 0.0008, "high": 0.005},
                f"{NOISE}.max_amplitude": {"distribution": "uniform", "low": 0.006, "high": 0.1},
                f"{NOISE}.p": {"distribution": "uniform", "low": 0.98, "high": 1.0},
                "model.network_config.hidden_dropout": {"distribution": "uniform", "low": 0.0, "high": 0.2},
                "trainer.callbacks[2].init_args.patience": {"distribution": "int", "low": 2, "high": 3},
            },
            "constraints": [f"{NOISE}.min_amplitude < {NOISE}.max_amplitude"],
        },
    }


def main(*arguments, program=("main.py",)):
    """A command of its own: a process that has computed with torch must not be forked from."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
def searched(place):
    file = place / "search.yaml"
    file.write_text(yaml.safe_dump(configuration(place)), encoding="utf-8")
    return main("fit", "--config", str(file))


@pytest.mark.slow
def test_a_search_finds_a_configuration_that_trains_as_it_is(place, searched):
    folder = place / "experiments/tiny_search"
    assert searched.returncode == 0, searched.stderr
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["completed"], summary["failed"]) == (3, 0)
    best = yaml.safe_load((folder / "best.yaml").read_text())
    assert (
        best["data"]["augmentations"][0]["init_args"]["p"] == summary["best"][0]["parameters"][f"{NOISE}.p"]
    )
    trial = folder / f"trials/{summary['best'][0]['trial']:04d}"
    figures = json.loads((trial / "run/metrics.json").read_text())
    assert not any(name.startswith("test_") for name in figures)  # the test split is for the end
    assert not list(trial.glob("run/utterances*")) + list(trial.glob("run/audio*"))
    assert list(trial.glob("run/checkpoints/*.ckpt"))
    assert "3 of 3 done" in searched.stderr


@pytest.fixture
def frozen(tmp_path):
    """A configuration that trains the head alone of an encoder from a file."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    Wav2Vec2Model(Wav2Vec2Config(**TINY)).save_pretrained(tmp_path / "encoder")
    config = configuration(tmp_path)
    config["model"] |= {
        "network_config": None,
        "pretrained_name": str(tmp_path / "encoder"),
        "freeze_feature_extractor": True,
        "freeze_transformer": True,
    }
    config["data"] |= {"augmentations": None, "create_dataset": False}
    return config | {"optuna": {"tune": False}, "trainer": config["trainer"] | {"max_epochs": 1}}


def states_in(place):
    """When the states of each split were computed."""
    found = place.glob("cache/encoder_states/*/manifest.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


@pytest.mark.slow
def test_what_a_frozen_encoder_makes_of_the_data_is_there_before_the_first_trial(frozen, tmp_path):
    file = tmp_path / "frozen.yaml"
    file.write_text(yaml.safe_dump(frozen), encoding="utf-8")
    code = "import sys; from tuning.trials.preparing_cli import prepare_configuration as p; p(sys.argv[1])"
    prepared = main(file, program=("-c", code))
    assert prepared.returncode == 0, prepared.stderr
    states = {
        path.parent.name: path.stat().st_mtime_ns
        for path in tmp_path.glob("cache/encoder_states/*/manifest.json")
    }
    assert {"train", "val"} == {name.partition("-")[0] for name in states}
    trained = main("fit", "--config", str(file))
    assert trained.returncode == 0, trained.stderr
    assert "computing features of the frozen encoder" in prepared.stderr
    assert "computing features of the frozen encoder" not in trained.stderr
    after = {
        path.parent.name: path.stat().st_mtime_ns
        for path in tmp_path.glob("cache/encoder_states/*/manifest.json")
    }
    assert after == states


@pytest.mark.slow
def test_the_best_configuration_repeats_its_trial(place, searched):
    folder = place / "experiments/tiny_search"
    value = json.loads((folder / "summary.json").read_text())["best"][0]["val_loss"]
    trained = main("fit", "--config", str(folder / "best.yaml"))
    assert trained.returncode == 0, trained.stderr
    figures = json.loads((place / "experiments/tiny_search_best/metrics.json").read_text())
    assert figures["test_loss"] > 0
    (table,) = (place / "experiments/tiny_search_best").glob("logs/csv/*/metrics.csv")
    column = table.read_text().splitlines()[0].split(",").index("val_loss")
    losses = [float(cell) for line in table.read_text().splitlines()[1:] if (cell := line.split(",")[column])]
    assert min(losses) == pytest.approx(value, rel=1e-6)

"""One journey through the application: train, stop, resume, evaluate; a tiny network, a little speech."""

import csv
import json
from pathlib import Path

import pytest
import torch
import yaml

from cli.run import run
from evaluation.error_counts import phoneme_edits
from evaluation.utterance_record import read_records

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
    "hidden_dropout": 0.2,  # so that a resumed run has random draws to repeat
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("journey")


@pytest.fixture(scope="module")
def config(place):
    """A configuration file over twenty spoken sentences."""
    content = {
        "seed_everything": 7,
        "model": {
            "vocab_file": "dataset_modules/tokens/russian_phones.json",
            "network_config": TINY,
            "freeze_feature_extractor": False,
            "optimizer": "AdamW",
            "lr": 0.003,
            "scheduler": "StepLR",
            "step_size": 2,
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
                        "num_test": 10,
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
            "num_sanity_val_steps": 2,
        },
    }
    path = place / "config.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def command(mode, config, *overrides):
    assert run([mode, "--config", str(config), *overrides]) == 0


def figures(folder):
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def weights(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def straight(place, config):
    """Four epochs without a stop."""
    command("fit", config, "--custom_folder_name", "straight", "--trainer.max_epochs", "4")
    return place / "experiments" / "straight"


def test_training_leaves_an_experiments_folder(straight):
    assert {path.name for path in straight.iterdir()} == {
        "audio_test",
        "audio_val",
        "checkpoints",
        "config.yaml",
        "data.json",
        "logs",
        "metrics.json",
        "report.html",
        "skipped_recordings.tsv",
        "utterances_test.jsonl",
        "utterances_val.jsonl",
        "versions.json",
        "vocab.json",
    }
    result = figures(straight)
    assert {"val_loss", "val_per", "val_cer", "val_wer", "test_loss", "test_per"} <= set(result)
    assert result["utterances"] == {"val": 6, "test": 10}
    record = json.loads((straight / "versions.json").read_text())
    assert record["packages"]["torch"]
    assert record["data"]["train"]


def test_every_utterance_of_an_evaluated_split_is_recorded_once(straight):
    records = read_records(straight / "utterances_test.jsonl")
    assert [record.id for record in records] == [f"test-{index:05d}" for index in range(10)]
    edits = [phoneme_edits(record.reference, record.hypothesis) for record in records]
    rate = sum(own.errors for own in edits) / sum(own.reference_length for own in edits)
    result = figures(straight)
    assert rate == pytest.approx(result["test_per"], rel=1e-12)
    assert result["edits"]["test"]["phonemes"] == sum(own.reference_length for own in edits)
    interval = result["intervals"]["test_per"]
    assert interval["low"] <= result["test_per"] <= interval["high"]
    assert "studentised" in result["definitions"]["intervals"]


def test_records_hold_what_is_known_of_an_utterance(straight):
    for record in read_records(straight / "utterances_val.jsonl"):
        assert (record.language, record.split) == ("ru", "val")
        assert set(record.attributes) == {"words_per_minute", "pitch"}
        assert record.speaker in ("m6", "f3", "steph")
        assert 0 <= record.blank_share <= 1
        assert len(record.hypothesis_times) == len(record.hypothesis_confidences) == len(record.hypothesis)
        assert len(record.reference_times) == len(record.stated_starts) == len(record.reference)
        starts = [start for start, _ in record.reference_times]
        assert starts == sorted(starts)
        assert record.reference_times[-1][1] <= record.seconds + 0.03
        assert record.snr_db is not None


def test_the_page_shows_the_errors_of_the_test_split(straight):
    text = (straight / "report.html").read_text(encoding="utf-8")
    for title in ("Results", "Confusions", "Worst utterances", "Learning", "Data", "Origin"):
        assert f"<h2>{title}</h2>" in text
    assert "</audio>" in text


def test_a_report_that_cannot_be_written_does_not_end_a_run(place, config, straight, monkeypatch, capsys):
    def fail(experiment):
        raise ZeroDivisionError("no page today")

    monkeypatch.setattr("reports.experiment_page.experiment_page", fail)
    command("fit", config, "--custom_folder_name", "unreported", "--trainer.max_epochs", "1")
    said = capsys.readouterr().err
    assert "report.html could not be written: ZeroDivisionError: no page today" in said
    assert "test_per" in figures(place / "experiments" / "unreported")


def test_the_saved_configuration_trains_as_it_is(straight):
    saved = yaml.safe_load((straight / "config.yaml").read_text())
    assert saved["seed_everything"] == 7
    assert saved["model"]["lr"] == 0.003
    with pytest.raises(SystemExit, match="0"):
        run(["fit", "--config", str(straight / "config.yaml"), "--print_config"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_stopped_at_an_epochs_end_and_resumed_ends_with_the_same_weights(
    place, config, straight, workers
):
    name = f"stopped_{workers}"
    arguments = ("--custom_folder_name", name, "--data.num_workers", workers)
    folder = place / "experiments" / name
    command("fit", config, *arguments, "--trainer.max_epochs", "2")
    resume = ("--ckpt_path", "last" if workers == "2" else str(folder / "checkpoints" / "last.ckpt"))
    command("fit", config, *arguments, "--trainer.max_epochs", "4", *resume)
    expected, resumed = weights(straight), weights(folder)
    for key, value in expected.items():
        assert torch.equal(value, resumed[key]), key
    assert figures(folder)["test_per"] == figures(straight)["test_per"]
    assert not (place / "experiments" / f"{name}_2").exists()
    versions = [csv.DictReader(path.open()) for path in sorted(folder.glob("logs/csv/*/metrics.csv"))]
    assert len(versions) == 2


def test_a_run_stopped_in_the_middle_of_an_epoch_goes_on_there(place, config):
    interval = ("--trainer.val_check_interval", "2")
    command("fit", config, "--custom_folder_name", "unstopped", *interval, "--trainer.max_epochs", "3")
    arguments = ("--custom_folder_name", "middle", *interval)
    command("fit", config, *arguments, "--trainer.max_steps", "7")
    command("fit", config, *arguments, "--trainer.max_epochs", "3", "--ckpt_path", "last")
    expected, resumed = (
        weights(place / "experiments" / "unstopped"),
        weights(place / "experiments" / "middle"),
    )
    for key, value in expected.items():
        assert torch.equal(value, resumed[key]), key


def test_an_epoch_too_short_for_its_validations_is_told_and_leaves_nothing(place, config, capsys):
    arguments = ("--custom_folder_name", "hasty", "--trainer.val_check_interval", "6")
    assert run(["fit", "--config", str(config), *arguments]) == 2
    message = capsys.readouterr().err
    assert "trainer.val_check_interval: must be at most the 5 batches of an epoch, got 6" in message
    assert "Traceback" not in message
    assert not (place / "experiments" / "hasty").exists()
    command(
        "fit", config, *arguments, "--trainer.check_val_every_n_epoch", "null", "--trainer.max_steps", "6"
    )


def test_a_share_of_no_batch_is_told_and_leaves_nothing(place, config, capsys):
    arguments = ("--custom_folder_name", "meagre", "--trainer.limit_val_batches", "0.01")
    assert run(["fit", "--config", str(config), *arguments]) == 2
    message = capsys.readouterr().err
    assert "trainer.limit_val_batches: must leave at least one batch, 0.01 of the " in message
    assert "Traceback" not in message
    assert not (place / "experiments" / "meagre").exists()


def test_a_run_whose_steps_end_in_mid_epoch_is_validated_there(place, config):
    arguments = ("--custom_folder_name", "short", "--trainer.max_epochs", "3", "--trainer.max_steps", "2")
    stopping = "{class_path: lightning.pytorch.callbacks.EarlyStopping, init_args: {monitor: val_per}}"
    command("fit", config, *arguments, f"--trainer.callbacks+={stopping}")
    assert figures(place / "experiments" / "short")["checkpoint"].endswith(".ckpt")


def test_the_same_run_twice_gives_the_same_figures_in_a_folder_of_its_own(place, config, straight):
    command("fit", config, "--custom_folder_name", "straight", "--trainer.max_epochs", "4")
    second = place / "experiments" / "straight_2"
    ours, theirs = figures(second), figures(straight)
    for result in (ours, theirs):
        del result["checkpoint"], result["checkpoint_digest"]  # a checkpoint holds its folder's name
    assert ours == theirs


@pytest.mark.parametrize("batch_size", ["1", "3", "6"])
def test_figures_do_not_depend_on_the_batch_size(place, config, straight, batch_size):
    known = set(straight.glob("evaluations/*"))
    best = json.loads((straight / "checkpoints" / "best.json").read_text())["path"]
    checkpoint = ("--ckpt_path", str(straight / "checkpoints" / best))
    command("test", config, "--data.batch_size", batch_size, *checkpoint)
    (folder,) = set(straight.glob("evaluations/*")) - known
    trained, evaluated = figures(straight), figures(folder)
    for name in ("test_per", "test_cer", "test_wer"):
        assert evaluated[name] == trained[name]
    assert evaluated["intervals"] == {
        name: interval for name, interval in trained["intervals"].items() if name.startswith("test_")
    }
    assert evaluated["test_loss"] == pytest.approx(trained["test_loss"], abs=1e-5)


def test_evaluation_finds_the_experiments_best_by_itself_and_changes_no_weights(place, config, straight):
    before = {path: path.read_bytes() for path in straight.glob("checkpoints/*.ckpt")}
    command("validate", config, "--custom_folder_name", "straight")
    evaluations = list((place / "experiments").glob("straight*/evaluations/validate*/metrics.json"))
    assert len(evaluations) == 1
    assert {path: path.read_bytes() for path in straight.glob("checkpoints/*.ckpt")} == before


def test_predictions_are_written(place, config, straight):
    command("predict", config, "--custom_folder_name", "straight")
    (path,) = (place / "experiments").glob("straight*/evaluations/predict*/predictions.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert sorted(row["id"] for row in rows) == [f"test-{index:05d}" for index in range(10)]
    assert all(isinstance(row["phonemes"], list) for row in rows)


def test_only_the_weights_are_taken_where_asked(place, config, straight, capsys):
    checkpoint = str(straight / "checkpoints" / "last.ckpt")
    arguments = ("--ckpt_path", checkpoint, "--only_weights_load", "true", "--trainer.max_epochs", "1")
    command("fit", config, "--custom_folder_name", "fine", *arguments)
    state = torch.load(place / "experiments" / "fine" / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["epoch"] == 0
    assert "tensors taken from" in capsys.readouterr().err


def test_a_checkpoint_says_what_its_weights_mean(straight):
    state = torch.load(straight / "checkpoints" / "last.ckpt", weights_only=True)
    meaning = state["phoneme_recognizer"]
    assert "tʃʲ" in meaning["vocabulary"]
    assert meaning["audio_params"]["sampling_rate"] == 16000
    assert json.loads(meaning["network_config"])["hidden_size"] == 32


def test_a_fast_development_run_leaves_nothing(place, config):
    before = set(Path(place / "experiments").iterdir())
    command("fit", config, "--trainer.fast_dev_run", "true")
    assert set(Path(place / "experiments").iterdir()) == before

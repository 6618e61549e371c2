"""One journey through the application: train, stop, resume, evaluate; a tiny network, a little speech."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from cli.run import run
from evaluation.error_counts import phoneme_edits
from evaluation.utterance_record import read_records
from tests.journeys.configuration import TINY_WAV2VEC2, configuration, noise, sentences, written
from tests.journeys.experiments import assert_same_weights, json_lines, last_checkpoint, metrics_of


@pytest.fixture(scope="module")
def config(place: Path) -> Path:
    """A configuration file over twenty spoken sentences."""
    content = configuration(
        place,
        model={
            # Dropout, so that a resumed run has random draws to repeat.
            "network_config": TINY_WAV2VEC2 | {"hidden_dropout": 0.2},
            "optimizer": "AdamW",
            "scheduler": "StepLR",
            "step_size": 2,
            "gamma": 0.5,
        },
        data={"dataset_classes": sentences(20, 6, 10), "augmentations": noise(0.5)},
        trainer={"num_sanity_val_steps": 2},
    )
    return written(place / "config.yaml", content)


def command(mode: str, config: Path, *overrides: str) -> None:
    assert run([mode, "--config", str(config), *overrides]) == 0


@pytest.fixture(scope="module")
def straight(place: Path, config: Path) -> Path:
    """Four epochs without a stop."""
    command("fit", config, "--custom_folder_name", "straight", "--trainer.max_epochs", "4")
    return place / "experiments" / "straight"


def test_training_leaves_an_experiments_folder(straight: Path) -> None:
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
    result = metrics_of(straight)
    assert {"val_loss", "val_per", "val_cer", "val_wer", "test_loss", "test_per"} <= set(result)
    assert result["utterances"] == {"val": 6, "test": 10}
    record = json.loads((straight / "versions.json").read_text())
    assert record["packages"]["torch"]
    assert record["data"]["train"]


def test_every_utterance_of_an_evaluated_split_is_recorded_once(straight: Path) -> None:
    records = read_records(straight / "utterances_test.jsonl")
    assert [record.id for record in records] == [f"test-{index:05d}" for index in range(10)]
    edits = [phoneme_edits(record.reference, record.hypothesis) for record in records]
    rate = sum(one.errors for one in edits) / sum(one.reference_length for one in edits)
    result = metrics_of(straight)
    assert rate == pytest.approx(result["test_per"], rel=1e-12)
    assert result["edits"]["test"]["phonemes"] == sum(one.reference_length for one in edits)
    interval = result["intervals"]["test_per"]
    assert interval["low"] <= result["test_per"] <= interval["high"]
    assert "studentised" in result["definitions"]["intervals"]


def test_records_hold_what_is_known_of_an_utterance(straight: Path) -> None:
    for record in read_records(straight / "utterances_val.jsonl"):
        assert (record.language, record.split) == ("ru", "val")
        assert set(record.attributes) == {"words_per_minute", "espeak_pitch"}
        assert record.speaker in ("m6", "f3", "steph")
        assert 0 <= record.blank_share <= 1
        assert len(record.hypothesis_times) == len(record.hypothesis_confidences) == len(record.hypothesis)
        assert len(record.reference_times) == len(record.stated_starts) == len(record.reference)
        starts = [start for start, _ in record.reference_times]
        assert starts == sorted(starts)
        assert record.reference_times[-1][1] <= record.seconds + 0.03
        assert record.snr_db is not None


def test_the_report_shows_the_errors_of_the_test_split(straight: Path) -> None:
    text = (straight / "report.html").read_text(encoding="utf-8")
    for title in ("Results", "Confusions", "Worst utterances", "Learning", "Data", "Origin"):
        assert f"<h2>{title}</h2>" in text
    assert "</audio>" in text


def test_a_report_that_cannot_be_written_is_an_error_after_all_else(
    place: Path,
    config: Path,
    straight: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(experiment: object) -> None:
        raise ZeroDivisionError("no page today")

    monkeypatch.setattr("reports.experiment_page.experiment_page", fail)
    arguments = ["--custom_folder_name", "unreported", "--trainer.max_epochs", "1"]
    assert run(["fit", "--config", str(config), *arguments]) == 1
    log = capsys.readouterr().err
    assert "report.html could not be written (" in log
    assert "ZeroDivisionError: no page today" in log
    assert "test_per" in metrics_of(place / "experiments" / "unreported")


def test_the_saved_configuration_trains_as_it_is(straight: Path) -> None:
    saved = yaml.safe_load((straight / "config.yaml").read_text())
    assert saved["seed_everything"] == 7
    assert saved["model"]["lr"] == 0.003
    with pytest.raises(SystemExit, match="0"):
        run(["fit", "--config", str(straight / "config.yaml"), "--print_config"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_stopped_at_an_epochs_end_and_resumed_ends_with_the_same_weights(
    place: Path, config: Path, straight: Path, workers: str
) -> None:
    name = f"stopped_{workers}"
    arguments = ("--custom_folder_name", name, "--data.num_workers", workers)
    folder = place / "experiments" / name
    command("fit", config, *arguments, "--trainer.max_epochs", "2")
    resume = ("--ckpt_path", "last" if workers == "2" else str(folder / "checkpoints" / "last.ckpt"))
    command("fit", config, *arguments, "--trainer.max_epochs", "4", *resume)
    assert_same_weights(folder, straight)
    assert metrics_of(folder)["test_per"] == metrics_of(straight)["test_per"]
    assert not (place / "experiments" / f"{name}_2").exists()
    versions = [csv.DictReader(path.open()) for path in sorted(folder.glob("logs/csv/*/metrics.csv"))]
    assert len(versions) == 2


def test_a_run_stopped_in_the_middle_of_an_epoch_resumes_there(place: Path, config: Path) -> None:
    interval = ("--trainer.val_check_interval", "2")
    command("fit", config, "--custom_folder_name", "unstopped", *interval, "--trainer.max_epochs", "3")
    arguments = ("--custom_folder_name", "middle", *interval)
    command("fit", config, *arguments, "--trainer.max_steps", "7")
    command("fit", config, *arguments, "--trainer.max_epochs", "3", "--ckpt_path", "last")
    assert_same_weights(place / "experiments" / "middle", place / "experiments" / "unstopped")


def test_an_epoch_too_short_for_its_validations_is_refused_and_leaves_nothing(
    place: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--custom_folder_name", "hasty", "--trainer.val_check_interval", "6")
    assert run(["fit", "--config", str(config), *arguments]) == 2
    message = capsys.readouterr().err
    assert "trainer.val_check_interval: must be at most the 5 batches of an epoch, got 6" in message
    assert "Traceback" not in message
    assert not (place / "experiments" / "hasty").exists()
    command(
        "fit", config, *arguments, "--trainer.check_val_every_n_epoch", "null", "--trainer.max_steps", "6"
    )


def test_a_share_of_no_batch_is_refused_and_leaves_nothing(
    place: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--custom_folder_name", "meagre", "--trainer.limit_val_batches", "0.01")
    assert run(["fit", "--config", str(config), *arguments]) == 2
    message = capsys.readouterr().err
    assert "trainer.limit_val_batches: must leave at least one batch, 0.01 of the " in message
    assert "Traceback" not in message
    assert not (place / "experiments" / "meagre").exists()


def test_a_run_whose_steps_end_in_mid_epoch_is_validated_there(place: Path, config: Path) -> None:
    arguments = ("--custom_folder_name", "short", "--trainer.max_epochs", "3", "--trainer.max_steps", "2")
    stopping = "{class_path: lightning.pytorch.callbacks.EarlyStopping, init_args: {monitor: val_per}}"
    command("fit", config, *arguments, f"--trainer.callbacks+={stopping}")
    assert metrics_of(place / "experiments" / "short")["checkpoint"].endswith(".ckpt")


def test_the_same_run_twice_gives_the_same_metrics_in_another_folder(
    place: Path, config: Path, straight: Path
) -> None:
    command("fit", config, "--custom_folder_name", "straight", "--trainer.max_epochs", "4")
    second = place / "experiments" / "straight_2"
    ours, theirs = metrics_of(second), metrics_of(straight)
    for result in (ours, theirs):
        del result["checkpoint"], result["checkpoint_digest"]  # a checkpoint holds its folder's name
    assert ours == theirs


@pytest.mark.parametrize("batch_size", ["1", "3", "6"])
def test_metrics_do_not_depend_on_the_batch_size(
    place: Path, config: Path, straight: Path, batch_size: str
) -> None:
    known = set(straight.glob("evaluations/*"))
    best = json.loads((straight / "checkpoints" / "best.json").read_text())["path"]
    checkpoint = ("--ckpt_path", str(straight / "checkpoints" / best))
    command("test", config, "--data.batch_size", batch_size, *checkpoint)
    (folder,) = set(straight.glob("evaluations/*")) - known
    trained, evaluated = metrics_of(straight), metrics_of(folder)
    for name in ("test_per", "test_cer", "test_wer"):
        assert evaluated[name] == trained[name]
    assert evaluated["intervals"] == {
        name: interval for name, interval in trained["intervals"].items() if name.startswith("test_")
    }
    assert evaluated["test_loss"] == pytest.approx(trained["test_loss"], abs=1e-5)


def test_evaluation_finds_the_experiments_best_by_itself_and_changes_no_weights(
    place: Path, config: Path, straight: Path
) -> None:
    before = {path: path.read_bytes() for path in straight.glob("checkpoints/*.ckpt")}
    command("validate", config, "--custom_folder_name", "straight")
    evaluations = list((place / "experiments").glob("straight*/evaluations/validate*/metrics.json"))
    assert len(evaluations) == 1
    assert {path: path.read_bytes() for path in straight.glob("checkpoints/*.ckpt")} == before


def test_predictions_are_written(place: Path, config: Path, straight: Path) -> None:
    command("predict", config, "--custom_folder_name", "straight")
    (path,) = (place / "experiments").glob("straight*/evaluations/predict*/predictions.jsonl")
    rows = json_lines(path)
    assert sorted(row["id"] for row in rows) == [f"test-{index:05d}" for index in range(10)]
    assert all(isinstance(row["phonemes"], list) for row in rows)


def test_only_the_weights_are_taken_where_asked(
    place: Path, config: Path, straight: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(straight / "checkpoints" / "last.ckpt")
    arguments = ("--ckpt_path", checkpoint, "--only_weights_load", "true", "--trainer.max_epochs", "1")
    command("fit", config, "--custom_folder_name", "fine", *arguments)
    assert last_checkpoint(place / "experiments" / "fine")["epoch"] == 0
    assert "tensors taken from" in capsys.readouterr().err


def test_a_checkpoint_describes_its_weights(straight: Path) -> None:
    meaning = last_checkpoint(straight)["phoneme_recognizer"]
    assert "tʃʲ" in meaning["vocabulary"]
    assert meaning["audio_params"]["sampling_rate"] == 16000
    assert json.loads(meaning["network_config"])["hidden_size"] == 32


def test_a_fast_development_run_leaves_nothing(place: Path, config: Path) -> None:
    before = set(Path(place / "experiments").iterdir())
    command("fit", config, "--trainer.fast_dev_run", "true")
    assert set(Path(place / "experiments").iterdir()) == before

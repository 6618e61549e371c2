"""Names and folders of experiments."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from experiment.errors import ConfigError
from experiment.folder import best_checkpoint, claim_folder, find_checkpoint, find_experiment, runs_named


def test_a_taken_name_gets_the_next_free_suffix(tmp_path):
    assert [claim_folder(tmp_path, "run").name for _ in range(3)] == ["run", "run_2", "run_3"]


def test_runs_that_start_at_once_get_different_folders(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: claim_folder(tmp_path, "run"), range(16)))
    assert len(set(folders)) == 16


def test_runs_of_a_name_come_in_the_order_of_their_training(tmp_path):
    for age, name in enumerate(["run_2", "run", "running", "run_x"]):
        checkpoint = tmp_path / name / "checkpoints" / "last.ckpt"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        os.utime(checkpoint, (age, age))
    (tmp_path / "run_2" / "evaluations").mkdir()  # an evaluation does not make an old run new
    assert [folder.name for folder in runs_named(tmp_path, "run")] == ["run_2", "run"]


def test_a_name_that_ends_in_a_time_finds_runs_of_any_time(tmp_path):
    (tmp_path / "network_Hubert_time_01_02_2024_10_00").mkdir()
    (tmp_path / "network_WavLM_time_01_02_2024_10_00").mkdir()
    found = runs_named(tmp_path, "network_Hubert_time_22_10_2026_15_30")
    assert [folder.name for folder in found] == ["network_Hubert_time_01_02_2024_10_00"]


def test_the_best_checkpoint_is_the_recorded_one_if_it_exists(tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    assert best_checkpoint(tmp_path) is None
    (folder / "best.json").write_text(json.dumps({"path": "a.ckpt"}))
    assert best_checkpoint(tmp_path) is None
    (folder / "a.ckpt").touch()
    assert best_checkpoint(tmp_path) == folder / "a.ckpt"


def test_a_wrong_name_lists_few_of_many_experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(13):
        (tmp_path / "experiments" / f"{number:02}" / "checkpoints").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"there are: (\d\d, ){9}\d\d and 3 more"):
        find_checkpoint("transcribe", "something")


def test_a_command_that_takes_other_models_names_them_too(tmp_path):
    with pytest.raises(ConfigError, match="nowhere must be a checkpoint.* Hugging Face"):
        find_checkpoint("transcribe", "nowhere", takes_models=True)
    with pytest.raises(ConfigError, match=r"must hold a best checkpoint, or config\.json of a Hugging Face"):
        find_checkpoint("transcribe", str(tmp_path), takes_models=True)


def test_an_experiment_is_found_by_folder_and_by_name(tmp_path, monkeypatch):
    folder = tmp_path / "experiments" / "tried"
    folder.mkdir(parents=True)
    (folder / "config.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert find_experiment(str(folder)) == folder
    assert find_experiment("tried").resolve() == folder
    with pytest.raises(ConfigError, match="nearest: tried"):
        find_experiment("tired")

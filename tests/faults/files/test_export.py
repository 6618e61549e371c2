"""``export --check`` reads a test set as the folder's configuration describes it, and runs nothing of it."""

import os
from pathlib import Path

import pytest
import yaml

from cli.configuration.values.foreign_data import foreign_data

PLANTED = "from pathlib import Path\nPath('has_run').touch()\nclass Planted: ...\nclass Plain(dict): ...\n"


@pytest.fixture
def planted(experiment, monkeypatch):
    """A module that a stranger has brought along, in the current folder."""
    Path("planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    return Path("has_run")


def configure(experiment, data):
    (experiment / "config.yaml").write_text(yaml.safe_dump({"model": {}, "data": data}))


CUSTOM = {"class_path": "dataset_modules.custom.CustomAudioDataset", "init_args": {"language": "ru"}}


def with_arguments(**arguments):
    return {"dataset_classes": [{**CUSTOM, "init_args": {**CUSTOM["init_args"], **arguments}}]}


NAMING_CLASSES = [
    {"dataset_classes": [{"class_path": "planted.Planted"}]},
    {"dataset_classes": [{"class_path": "subprocess.Popen", "init_args": {"args": "touch has_run"}}]},
    {"dataset_classes": [{"class_path": "dataset_modules.custom.os.system"}]},
    {"dataset_classes": [{"class_path": "dataset_modules.custom.Path"}]},
    {"dataset_classes": [{**CUSTOM, "dict_kwargs": {"a": {"class_path": "planted.Planted"}}}]},
    {"dataset_classes": [CUSTOM], "text_to_phonemes": "planted.Planted"},
    {"dataset_classes": [CUSTOM], "text_to_phonemes": {"class_path": "planted.Planted"}},
    {"dataset_classes": [CUSTOM], "normalisation": {"class_path": "planted.Planted"}},
    with_arguments(text_to_phonemes={"class_path": "planted.Planted"}),
    with_arguments(audio_params={"class_path": "planted.Planted"}),
    with_arguments(audio_params="planted.yaml"),
    with_arguments(train_val_dir={"class_path": "planted.Planted"}),
    with_arguments(allowed_extensions=[{"class_path": "planted.Planted"}]),
    with_arguments(
        text_to_phonemes={
            "class_path": "phonetics.LexiconPhonemes",
            "init_args": {"path": "a.txt", "fallback": {"class_path": "planted.Planted"}},
        }
    ),
]


@pytest.mark.parametrize("data", NAMING_CLASSES, ids=range(len(NAMING_CLASSES)))
def test_no_class_of_the_folder_is_imported(experiment, refused, planted, data):
    configure(experiment, data)
    refused("export", "strange", "--to", "hf", "--check")
    assert not planted.exists()
    assert not (experiment / "exports" / "hf").exists()


def test_the_way_out_is_named(experiment, refused, planted):
    configure(experiment, {"dataset_classes": [{"class_path": "planted.Planted"}]})
    refused(
        "export",
        "strange",
        "--to",
        "hf",
        "--check",
        naming=("config.yaml", "planted.Planted", "--config FILE"),
    )


def test_nothing_is_written_where_the_folder_says(experiment, refused, tmp_path):
    outside = tmp_path / "outside"
    configure(experiment, with_arguments(cache_dir=str(outside), train_val_dir=str(tmp_path / "none")))
    refused("export", "strange", "--to", "hf", "--check")
    assert not outside.exists()


def test_a_link_in_the_folder_leads_no_export_out(experiment, refused, tmp_path):
    (tmp_path / "outside").mkdir()
    (experiment / "exports").symlink_to(tmp_path / "outside")
    refused("export", "strange", "--to", "hf", naming=("exports", "leads out"))
    assert not list((tmp_path / "outside").iterdir())


def test_a_link_in_the_place_of_a_temporary_file_is_not_followed(experiment, run_done, tmp_path):
    (tmp_path / "outside").write_text("mine")
    for name in ("report.html", f"report.html.{os.getpid()}.tmp"):
        (experiment / name).symlink_to(tmp_path / "outside")
    run_done("report", "strange")
    assert (tmp_path / "outside").read_text() == "mine"


def test_what_writes_or_authorises_is_left_out():
    data = with_arguments(cache_dir="/elsewhere", use_auth_token=True, max_seconds=9.0)
    (dataset,) = foreign_data(data, "config.yaml")["dataset_classes"]
    assert dataset["init_args"] == {"language": "ru", "max_seconds": 9.0}


def test_own_classes_are_accepted():
    lexicon = {"class_path": "phonetics.LexiconPhonemes", "init_args": {"path": "a", "fallback": "none"}}
    data = with_arguments(text_to_phonemes=lexicon, audio_params={"sampling_rate": 8000})
    data |= {"text_to_phonemes": "espeak", "normalisation": {"class_path": "phonetics.IpaNormaliser"}}
    assert foreign_data(data, "config.yaml") == data

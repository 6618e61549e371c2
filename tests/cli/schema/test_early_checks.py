"""What the schema cannot decide and needs no heavy import: the same text as after the imports, at once."""

import copy
import json
import subprocess
import sys

import pytest
import torch
import yaml

import cli.run
from cli.configuration.yaml_files import config_files
from cli.run import run
from cli.schema.first_check import check_first
from cli.schema.schema_file import ROOT
from experiment.errors import ConfigError
from tests.cli.configuration.test_configuration_mistakes import MISTAKES, one_of, set_at

# Without numpy, which phonemizer imports for the names of languages.
HEAVY = ("torch", "lightning", "transformers", "audiomentations", "datasets")
BASE = {
    "seed_everything": 1,
    "custom_folder_name": "t",
    "model": {"vocab_file": "dataset_modules/tokens/russian_phones.json", "optimizer": "AdamW", "lr": 0.001},
    "data": {
        "language": "ru",
        "dataset_classes": [{"class_path": "dataset_modules.synthetic.SyntheticSpeechDataset"}],
    },
    "trainer": {"accelerator": "cpu", "max_steps": 1},
}
FILES = {
    "no_json.json": "[PAD]",
    "twice.json": json.dumps({"[PAD]": 0, "a": 1, "b": 1}),
    "no_blank.json": json.dumps({"a": 0}),
    "empty_folder/readme.txt": "",
    "experiments/tried/checkpoints/last.txt": "",
}


def recordings(folder, test_folder=None):
    arguments = {"train_val_dir": folder, "test_dir": test_folder}
    return [{"class_path": "dataset_modules.custom.CustomAudioDataset", "init_args": arguments}]


NOISE = "audiomentations.AddBackgroundNoise"
# Name → the changes of a configuration that is right, further options, the command.
KINDS: dict[str, tuple[dict[tuple, object], list[str], str]] = {
    **{
        name: ({MISTAKES[name][0]: MISTAKES[name][1]}, [], "fit")
        for name in (
            *("missing noise folder", "missing folder of rooms", "impossible value", "no workers at all"),
            *("a key the optimizer does not use", "a key without a scheduler", "missing vocabulary"),
            *("missing checkpoint", "checkpoint from the web", "negative rate", "weights from nowhere"),
            "conflicting audio facts",
        )
    },
    "a search and a study at once": ({}, ["--optuna.tune=true", "--study.run=true"], "fit"),
    "a vocabulary that is no JSON": ({("model", "vocab_file"): "no_json.json"}, [], "fit"),
    "a vocabulary with an id twice": ({("model", "vocab_file"): "twice.json"}, [], "fit"),
    "a vocabulary without a blank": ({}, ["--model.vocab_file=no_blank.json"], "fit"),
    "no vocabulary of a language": (
        {("model", "vocab_file"): None, ("data", "language"): "sw"},
        [],
        "fit",
    ),
    "a folder without a best checkpoint": ({}, ["--ckpt_path", "empty_folder"], "fit"),
    "nothing trained to evaluate": ({}, [], "test"),
    "nothing trained to resume": ({}, ["--ckpt_path", "last"], "fit"),
    "nothing trained that is best": ({}, ["--ckpt_path=best"], "validate"),
    "an experiment that is not there": ({}, ["--model", "tired"], "test"),
    "a model to train from": ({}, ["--model", "tried"], "fit"),
    "a pretrained path without a folder": ({("model", "pretrained_name"): "./nowhere"}, [], "fit"),
    "a pretrained folder without weights": ({("model", "pretrained_name"): "empty_folder"}, [], "fit"),
    "a language by its name": ({}, ["--data.language", "italian"], "fit"),
    "a language of a data set by its name": (
        {("data", "dataset_classes", 0, "init_args"): {"language": "russian"}},
        [],
        "predict",
    ),
    "a negative seed": ({("seed_everything",): -1}, [], "fit"),
    "a seed too large": ({}, ["--model.seed", "5000000000"], "fit"),
    "a rate that is no number": ({("model", "lr"): float("nan")}, [], "fit"),
    "a negative decay": ({("model", "weight_decay"): -0.1}, [], "fit"),
    "no patience with workers": ({("data", "worker_timeout"): -1.5}, [], "fit"),
    "no preparing process": ({("data", "num_proc"): 0}, [], "fit"),
    "a scheduler without its steps": ({("model", "scheduler"): "StepLR"}, [], "fit"),
    "a metric that nothing watches": ({("model", "metric_scheduler"): "val_per"}, [], "fit"),
    "a decay of layers without groups": ({("model", "layer_decay"): 0.5}, [], "fit"),
    "a decay of layers that climbs": (
        {("model", "layer_decay"): 1.5, ("model", "param_groups"): "layerwise"},
        [],
        "fit",
    ),
    "flat keys of a class": ({("model", "optimizer"): {"class_path": "torch.optim.Adam"}}, [], "fit"),
    "sounds inside a composition": (
        {("data", "augmentations"): [one_of({"class_path": NOISE, "init_args": {"sounds_path": ["no"]}})]},
        [],
        "fit",
    ),
    "sounds of a data set": (
        {
            ("data", "dataset_classes", 0, "init_args"): {
                "augmentations": [{"class_path": NOISE, "init_args": {"sounds_path": ["no"]}}]
            }
        },
        [],
        "fit",
    ),
    "cached features that change": (
        {
            ("model", "cache_encoder"): True,
            ("data", "augmentations"): [{"class_path": "audiomentations.Gain"}],
        },
        [],
        "fit",
    ),
    "a mapped vocabulary of nothing": ({("model", "map_vocabulary"): True}, [], "fit"),
    "recordings that are not there": ({("data", "dataset_classes"): recordings("nowhere")}, [], "fit"),
    "test recordings that are not there": (
        {("data", "dataset_classes"): recordings("empty_folder", "nowhere")},
        [],
        "fit",
    ),
    "a text for a checkpoint": ({}, ["--model", "empty_folder/readme.txt"], "test"),
    "a folder name that leads out": ({("custom_folder_name",): "../out"}, [], "fit"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("early")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    for number, (changes, _, _) in enumerate(KINDS.values()):
        configuration = copy.deepcopy(BASE)
        for path, value in changes.items():
            set_at(configuration, path, value)
        (folder / f"{number}.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return folder


def words_of(name):
    _, options, command = KINDS[name]
    return [command, "--config", f"{list(KINDS).index(name)}.yaml", *options]


@pytest.fixture(scope="module")
def early(place):
    """Answer every kind in one new process: the status, the message, and what heavy it had imported."""
    code = f"""
import contextlib, io, json, sys
sys.path.insert(0, {str(ROOT)!r})
from cli.run import run
for words in json.loads(sys.stdin.read()):
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        status = run(words)
    print(json.dumps([status, errors.getvalue(), [name for name in {HEAVY!r} if name in sys.modules]]))
"""
    asked = json.dumps([words_of(name) for name in KINDS])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, input=asked, capture_output=True, text=True, check=True
    )
    return dict(zip(KINDS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", KINDS)
def test_a_mistake_is_answered_without_heavy_imports(name, early):
    status, message, imported = early[name]
    assert imported == []
    assert status == 2
    assert message.startswith("error: ")
    if name in MISTAKES:
        assert MISTAKES[name][2] in message


@pytest.mark.parametrize("name", KINDS)
def test_the_text_is_that_of_the_later_check(name, early, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(cli.run, "check_first", lambda *arguments: None)
    assert run(words_of(name)) == 2
    assert early[name][1] == capsys.readouterr().err


def test_the_nearest_experiment_is_named(early):
    assert "nearest: tried" in early["an experiment that is not there"][1]


def checked(place, monkeypatch, *words, **changes):
    """Check a configuration with a vocabulary that is missing unless ``words`` or ``changes`` mend it."""
    monkeypatch.chdir(place)
    configuration = copy.deepcopy(BASE)
    configuration["model"]["vocab_file"] = "nowhere.json"
    for section, keys in changes.items():
        configuration[section] = configuration.get(section, {}) | keys
    path = place / "checked.yaml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    command, *options = words or ("fit",)
    options = ["--config", str(path), *options]
    check_first(command, options, config_files(options))


RUSSIAN = str(ROOT / "dataset_modules/tokens/russian_phones.json")


def test_a_missing_vocabulary_alone_is_refused(place, monkeypatch):
    with pytest.raises(ConfigError, match=r"nowhere\.json"):
        checked(place, monkeypatch)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (["fit", "--model.vocab_file", RUSSIAN], {}),
        (["fit", f"--model.vocab_file={RUSSIAN}"], {}),
        (["fit", "--model.vocab_file", "null"], {}),
        (["fit", "--print_config"], {}),
        (["fit", "--optuna.tune", "true"], {}),  # trials are checked one by one
        (["fit"], {"optuna": {"tune": True}}),
        (["doctor", "--data.augmentations+", "audiomentations.Gain"], {}),
        (["fit", "-c", "other.yaml"], {}),
        (["fit", "--config", "other.yaml"], {}),
        (["fit", "--model", "section.yaml"], {}),
    ],
)
def test_what_is_mended_later_or_known_to_the_parser_alone_passes(words, changes, place, monkeypatch):
    (place / "other.yaml").write_text(f"model:\n  vocab_file: {RUSSIAN}\n")
    (place / "section.yaml").write_text(f"vocab_file: {RUSSIAN}\n")
    checked(place, monkeypatch, *words, **changes)


def test_an_environment_variable_may_mend_it(place, monkeypatch):
    monkeypatch.setenv("PL_FIT__MODEL__VOCAB_FILE", RUSSIAN)
    checked(place, monkeypatch)


def test_options_count_in_their_order(place, monkeypatch):
    (place / "worse.yaml").write_text("model:\n  vocab_file: nowhere.json\n")
    with pytest.raises(ConfigError, match=r"nowhere\.json"):
        checked(place, monkeypatch, "fit", "--model.vocab_file", RUSSIAN, "--config", "worse.yaml")


@pytest.mark.parametrize("words", [["--model", "someone/recogniser"], ["--model.pretrained_name", "a/b"]])
def test_a_published_model_needs_no_checkpoint(words, place, monkeypatch):
    checked(place, monkeypatch, "test", *words, "--model.vocab_file", RUSSIAN)


@pytest.mark.parametrize(
    "words",
    [
        ["test", "--model", "someone/recogniser"],
        ["fit", "--model.pretrained_name=a/b", "--model.map_vocabulary=true"],
    ],
)
def test_a_table_of_symbols_that_is_read_must_be_there(words, place, monkeypatch):
    words = [*words, "--model.vocab_file", RUSSIAN, "--model.symbol_map"]
    with pytest.raises(ConfigError, match=r"symbol_map must be a file .*nowhere\.tsv"):
        checked(place, monkeypatch, *words, "nowhere.tsv")
    checked(place, monkeypatch, *words, "nowhere.tsv", "--model.symbol_map", "null")
    checked(place, monkeypatch, *words, "{A: a}")


def test_a_recorded_best_checkpoint_is_evaluated(place, monkeypatch):
    folder = place / "experiments" / "t" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "a.ckpt").touch()
    (folder / "best.json").write_text(json.dumps({"path": "a.ckpt"}))
    checked(place, monkeypatch, "test", "--model.vocab_file", RUSSIAN)
    checked(place, monkeypatch, "fit", "--ckpt_path=last", "--model.vocab_file", RUSSIAN)

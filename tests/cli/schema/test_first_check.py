"""Mistakes are answered before anything heavy is imported, with the place and what would be right."""

import copy
import resource
import subprocess
import sys

import pytest
import yaml

from cli.configuration.yaml_files import config_files
from cli.schema import first_check
from cli.schema.first_check import check_first
from cli.schema.schema_file import ROOT
from experiment.errors import ConfigError
from tests.cli.configuration.test_configuration_mistakes import MISTAKES, set_at

HEAVY = {"torch", "numpy", "lightning", "transformers", "audiomentations", "datasets"}
MOST_SECONDS = 1.5
# What the schema decides; the rest needs the classes themselves.
EARLY = [
    *(
        name
        for name in MISTAKES
        if name.startswith(("misspelt", "unknown data", "unknown aug", "wrong type"))
    ),
    "an augmentation of a module that is not there",
    "an augmentation without a module",
    "a callback for an augmentation",
    "unknown callback",
    "removed augmentation argument",
    "unknown optimizer",
    "unknown optimizer argument",
    "unknown scheduler",
    "unknown network",
    "unknown backend for texts",
    "a sampler that is none",
]
BASE = {
    "model": {"vocab_file": "dataset_modules/tokens/russian_phones.json"},
    "data": {
        "dataset_classes": [
            {
                "class_path": "dataset_modules.synthetic.SyntheticSpeechDataset",
                "init_args": {"language": "ru"},
            }
        ]
    },
    "trainer": {},
}


def message_of(options, command="fit"):
    with pytest.raises(ConfigError) as error:
        check_first(command, options, config_files(options))
    return str(error.value)


@pytest.fixture
def written(tmp_path):
    """Write a configuration with one thing changed."""

    def write(path, value):
        configuration = copy.deepcopy(BASE)
        set_at(configuration, path, value)
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        return ["--config", str(file)]

    return write


@pytest.mark.parametrize("name", EARLY)
def test_a_mistake_is_found_with_its_place(name, written):
    path, value, named = MISTAKES[name]
    message = message_of(written(path, value))
    assert named.partition(" (line")[0] in message
    assert "it stands at" in message
    assert "(line " in message


def test_twenty_kinds_of_mistakes_are_answered_early():
    assert len(EARLY) >= 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model.lrr", "1"], "unrecognized arguments: --model.lrr 1; nearest: model.lr"),
        (["--trainer.max_epoc_s=1"], "nearest: trainer.max_epochs"),
        (["--data.batch_size", "many"], "data.batch_size: must be a whole number, got many"),
        (["--model.cache_encoder=maybe"], "model.cache_encoder: must be true or false or null, got maybe"),
        (["--model.network_name", "Wav2Vec3"], "got Wav2Vec3; nearest: Wav2Vec2, Wav2Vec2Bert"),
        (["--trainer.callbacks.callback", "1", "--sed", "1", "--lr=3"], "unrecognized arguments: --lr 3"),
    ],
)
def test_an_option_is_checked(options, message):
    assert message in message_of(options)


def test_all_mistakes_are_reported_together(written):
    message = message_of([*written(("model", "lrr"), 1), "--data.batch_size", "many", "--data.seeed", "2"])
    assert [line.partition(";")[0] for line in message.splitlines()] == [
        "there is no option model.lrr",
        "data.batch_size: must be a whole number, got many",
        "unrecognized arguments: --data.seeed 2",
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--model.lr", "1e-3", "--data.batch_size=4"],
        ["--data.batch_size", "'8'"],
        ["--trainer.callbacks+", "callbacks.CollapseWatch"],
        ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val_per"],
        ["--data.dataset_classes.init_args.num_train", "3"],
        ["--custom_folder_name", "[brackets]"],
        ["--custom_folder_name", "5"],
        ["--model", "other.yaml"],
        ["--trainer.callbacks.help", "EarlyStopping"],
        ["--print_config=skip_null", "--help-all"],
        ["--optuna.search_spaces", "{model.lr: {distribution: uniform, low: 0, high: 1}}"],
        ["--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "0.1"],
        ["--model.optimizer", "SGD"],
        ["--data.text_to_phonemes", "EspeakPhonemes"],
    ],
)
def test_what_jsonargparse_accepts_passes(options):
    check_first("fit", options, [])


@pytest.mark.parametrize(
    ("command", "option"),
    [("doctor", "--audio=3"), ("test", "--verbose=true"), ("predict", "--return_predictions=false")],
)
def test_each_command_has_its_own_options(command, option):
    check_first(command, [option], [])
    assert "unrecognized arguments" in message_of([option])


def test_a_name_of_an_option_is_not_cut_short():
    assert message_of(["--data.batch_siz", "4"]) == (
        "unrecognized arguments: --data.batch_siz 4; nearest: data.batch_size"
    )


def test_a_users_class_passes_with_any_arguments(written, tmp_path, monkeypatch):
    (tmp_path / "my_noises.py").write_text("class Buzz:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    node = {"class_path": "my_noises.Buzz", "init_args": {"loud": 3}, "dict_kwargs": {"x": 1}}
    options = written(("data", "augmentations"), [node])
    check_first("fit", options, config_files(options))
    node["class_path"] = "my_noises.Buz"
    options = written(("data", "augmentations"), [node])
    assert "module 'my_noises' has no attribute 'Buz'" in message_of(options)


def test_a_schema_that_is_older_than_the_code_refuses_nothing(monkeypatch):
    monkeypatch.setattr(first_check, "is_current", lambda schema: False)
    check_first("fit", ["--model.lrr", "1"], [])


def test_without_a_schema_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(first_check, "read_schema", lambda: None)
    check_first("fit", ["--model.lrr", "1"], [])


def test_the_check_imports_nothing_heavy():
    code = "import sys, cli.schema.first_check; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "config/demo.yaml", "--data.batchsize", "4"],
        ["fit", "--config", "config/demo.yaml", "--trainer.max_epochs", "many"],
        ["test", "--config", "nowhere.yaml"],
        ["trian", "config/demo.yaml"],
        ["train", "config/demo.yaml", "--ckpt_path", "nowhere.ckpt"],
        ["test", "config/demo.yaml", "--model", "no-such-experiment"],
        ["train", "config/demo.yaml", "--data.language", "italian"],
        ["tune", "config/demo.yaml", "--seed_everything", "-1"],
    ],
    ids=["key", "type", "file", "command", "checkpoint", "experiment", "language", "seed"],
)
def test_the_first_message_takes_little_time(arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "main.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert seconds < MOST_SECONDS

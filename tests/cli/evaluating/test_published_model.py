"""A Hugging Face model is evaluated, compared and fine-tuned from, without espeak and without network."""

import json
import socket

import pytest
import torch

from cli.run import run
from evaluation.utterance_record import read_records
from inference.acoustic_model import AcousticModel
from inference.handover.huggingface import save_huggingface
from tests.journeys.configuration import configuration, sentences, written
from tests.models.conftest import TINY

ARPABET = [
    "AA0",
    "AA1",
    "AE0",
    "AH0",
    "AO0",
    "AW0",
    "AY0",
    "B",
    "CH",
    "D",
    "DH",
    "EH0",
    "ER0",
    "EY0",
    "F",
    "G",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def config(place, tiny_cache_dir):
    """The configuration of a tiny experiment."""
    content = configuration(
        place,
        custom_folder_name="own",
        model={"network_config": TINY["Wav2Vec2"], "lr": 0.001},
        data={"dataset_classes": sentences(12, 4, 4, cache_dir=str(tiny_cache_dir))},
        trainer={"max_epochs": 1, "enable_model_summary": False},
    )
    return written(place / "config.yaml", content)


@pytest.fixture(scope="module")
def trained(config, place):
    """A checkpoint whose random head is made talkative, so that its error rate says something."""
    assert run(["fit", "--config", str(config), "--write_report", "false"]) == 0
    path = place / "experiments/own/checkpoints/last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    torch.manual_seed(0)
    head = checkpoint["state_dict"]["network.lm_head.weight"]
    checkpoint["state_dict"]["network.lm_head.weight"] = torch.randn_like(head)
    torch.save(checkpoint, path.with_name("talkative.ckpt"))
    return path.with_name("talkative.ckpt")


@pytest.fixture(scope="module")
def exported(trained, place):
    """The same model as a Hugging Face folder."""
    folder = place / "exported"
    folder.mkdir()
    save_huggingface(AcousticModel.from_checkpoint(trained), folder)
    return folder


@pytest.fixture
def renamed(exported, tmp_path):
    """The exported folder with names of ARPABET, and the table of their meanings."""
    folder = tmp_path / "arpabet"
    folder.mkdir()
    for file in exported.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    ids = json.loads((exported / "vocab.json").read_text(encoding="utf-8"))
    phonemes = [token for token in ids if not token.startswith("[") and token != "|"]
    names = {phoneme: f"X{place}{ARPABET[place % len(ARPABET)]}" for place, phoneme in enumerate(phonemes)}
    content = {names.get(token, token): place for token, place in ids.items()}
    (folder / "vocab.json").write_text(json.dumps(content), encoding="utf-8")
    table = tmp_path / "arpabet.tsv"
    table.write_text("".join(f"{name}\t{phoneme}\n" for phoneme, name in names.items()), encoding="utf-8")
    return folder, table


@pytest.fixture
def offline(monkeypatch):
    """No network and no espeak: labels are in the cache, symbols are read from files."""

    def refuse(*_: object, **__: object):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setitem(__import__("sys").modules, "phonemizer", None)


def evaluated(place, name):
    folder = sorted((place / "experiments").glob(f"{name}*"))[-1]
    return folder, json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def own_metrics(config, trained, place):
    assert run(["test", "--config", str(config), "--ckpt_path", str(trained)]) == 0
    folder = sorted((place / "experiments/own/evaluations").glob("test*"))[-1]
    return folder, json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def test_an_exported_model_read_back_has_the_same_error_rate(config, trained, exported, place, offline):
    _, own = own_metrics(config, trained, place)
    assert run(["test", "--config", str(config), "--model", str(exported)]) == 0
    folder, theirs = evaluated(place, "exported_own_test")
    for name in (
        "test_per",
        "test_cer",
        "test_wer",
        "test_blank_share",
        "test_loss",
        "test_feature_error_rate",
    ):
        assert theirs[name] == own[name], name
    assert theirs["test_raw_per"] == own["test_per"]
    assert {"report.html", "symbols.tsv", "config.yaml", "vocab.json", "versions.json"} <= {
        path.name for path in folder.iterdir()
    }


def test_renamed_symbols_and_their_table_give_the_same_error_rate(
    config, trained, renamed, place, offline, capfd
):
    _, own = own_metrics(config, trained, place)
    folder, table = renamed
    arguments = ["test", "--config", str(config), "--model", str(folder), "--model.symbol_map", str(table)]
    assert run(arguments) == 0
    _, theirs = evaluated(place, "arpabet_own_test")
    assert theirs["test_per"] == own["test_per"]
    assert theirs["test_loss"] == own["test_loss"]
    assert theirs["test_raw_per"] > own["test_per"]  # no symbol is a phoneme as it stands


def test_a_table_of_another_model_leaves_no_experiment(config, exported, place, tmp_path, capfd):
    before = sorted((place / "experiments").glob("*"))
    table = tmp_path / "other.tsv"
    table.write_text("QQ\ta\n", encoding="utf-8")
    arguments = ["test", "--config", str(config), "--model", str(exported), "--model.symbol_map", str(table)]
    assert run(arguments) == 2
    assert "symbol_map: it must name symbols of the model" in capfd.readouterr().err
    assert sorted((place / "experiments").glob("*")) == before


def test_the_language_model_of_a_configuration_is_left_out(config, exported, place, capfd):
    search = ["--decoding.beam", "4", "--decoding.language_model", "labels"]
    assert run(["test", "--config", str(config), "--model", str(exported), *search]) == 0
    assert "decoding: greedy" in capfd.readouterr().err
    folder, metrics = evaluated(place, "exported_own_test")
    assert "test_greedy_per" not in metrics
    assert "language_model: null" in (folder / "config.yaml").read_text(encoding="utf-8")


def test_a_folder_as_checkpoint_is_evaluated_too(config, exported, place):
    before = len(list((place / "experiments").glob("exported_own_test*")))
    assert run(["test", "--config", str(config), "--ckpt_path", str(exported)]) == 0
    assert len(list((place / "experiments").glob("exported_own_test*"))) == before + 1


def test_it_is_compared_with_own_experiments(config, trained, exported, place):
    mine, _ = own_metrics(config, trained, place)
    assert run(["test", "--config", str(config), "--model", str(exported)]) == 0
    theirs, _ = evaluated(place, "exported_own_test")
    assert run(["report", str(mine), str(theirs)]) == 0
    assert "4 common utterances" in (mine / "comparison.html").read_text(encoding="utf-8")


def test_the_mapped_head_is_where_fine_tuning_starts(config, trained, exported, place):
    source = torch.load(trained, weights_only=True)["state_dict"]["network.lm_head.weight"]
    options = [
        "--model.pretrained_name",
        str(exported),
        "--model.map_vocabulary",
        "true",
        "--model.lr",
        "1e-9",
    ]
    name = ["--custom_folder_name", "tuned", "--write_report", "false"]
    assert run(["fit", "--config", str(config), *options, *name]) == 0
    path = place / "experiments/tuned/checkpoints/last.ckpt"
    head = torch.load(path, weights_only=True)["state_dict"]["network.lm_head.weight"]
    assert torch.allclose(head, source, atol=1e-6)


@pytest.fixture
def letters(exported, tmp_path):
    """The exported network with letters as tokens, as a tokenizer of characters leaves them."""
    folder = tmp_path / "letters"
    folder.mkdir()
    for file in exported.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    size = json.loads((exported / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    signs = [*"абвгдежзийклмнопрстуфхцчшщъыьэюя"]
    tokens = ["<pad>", "<unk>", "|", *signs]
    ids = {token: place for place, token in enumerate(tokens[:size])}
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    settings = {"tokenizer_class": "Wav2Vec2CTCTokenizer", "pad_token": "<pad>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def test_letters_are_pronounced_and_said_to_be_no_phonemes(config, letters, place, capfd):
    assert run(["test", "--config", str(config), "--model", str(letters)]) == 0
    assert "it recognises letters, not phonemes" in capfd.readouterr().err
    folder, metrics = evaluated(place, "letters_own_test")
    assert "it recognises letters, not phonemes" in (folder / "report.html").read_text(encoding="utf-8")
    record = read_records(folder / "utterances_test.jsonl")[0]
    alphabet = {*"абвгдежзийклмнопрстуфхцчшщъыьэюя"}
    assert {*record.raw_hypothesis} & alphabet
    assert record.hypothesis
    assert not {*record.hypothesis} & alphabet
    assert metrics["test_raw_per"] > 0


def test_the_pretrained_model_of_a_configuration_is_evaluated_until_something_was_trained(
    config, exported, place
):
    options = ["--model.pretrained_name", str(exported), "--model.network_config", "null"]
    name = ["--custom_folder_name", "untrained"]
    assert run(["test", "--config", str(config), *options, *name]) == 0
    assert (place / "experiments/exported_untrained_test/report.html").is_file()


def test_a_model_to_train_is_named_otherwise(config, exported, capfd):
    assert run(["fit", "--config", str(config), "--model", str(exported)]) == 2
    assert "--model.pretrained_name" in capfd.readouterr().err


def test_records_keep_the_models_own_symbols(config, renamed, place):
    folder, table = renamed
    arguments = ["test", "--config", str(config), "--model", str(folder), "--model.symbol_map", str(table)]
    assert run(arguments) == 0
    folder, _ = evaluated(place, "arpabet_own_test")
    record = read_records(folder / "utterances_test.jsonl")[0]
    assert record.raw_hypothesis
    assert len(record.raw_hypothesis) == len(record.hypothesis) == len(record.hypothesis_times)
    assert all(symbol.startswith(("X", "[")) or symbol == "|" for symbol in record.raw_hypothesis)

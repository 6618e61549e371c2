"""``score --corpus``: metrics of annotated recordings, and the calibration beside the model."""

import csv
import json
import shutil
import warnings

import numpy as np
import pytest
import soundfile
import torch
from praatio import textgrid as praatio

from cli.run import run
from evaluation.utterance_record import read_records
from experiment.contents import read_experiment
from reports.experiment_page import experiment_page
from scoring.annotations.annotated_table import annotated_table
from tests.inference.tiny_models import FAMILIES, VOCABULARY, speech
from tests.journeys.configuration import configuration, written

NAMES = ("a", "n", "oː")


@pytest.fixture
def own_experiment(experiment, tmp_path):
    shutil.copytree(experiment, tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    generator = np.random.default_rng(0)
    rows = ["file_name,phonemes,said_phonemes,grade,speaker,split"]
    for number in range(24):
        soundfile.write(folder / f"{number}.wav", speech(1.0, number), 16000)
        expected = generator.choice(NAMES, 4)
        said = [name if generator.random() < 0.6 else generator.choice(NAMES) for name in expected]
        split = "train" if number % 2 else "test"
        rows.append(f"{number}.wav,{' '.join(expected)},{' '.join(said)},{number % 5},s{number % 3},{split}")
    (folder / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def score(*arguments):
    return run(["score", *map(str, arguments), "--device", "cpu"])


def test_a_calibration_on_one_split_gives_metrics_of_verdicts_on_the_other(
    own_experiment, corpus, tmp_path, capsys
):
    command = (own_experiment, corpus, "--corpus", "table")
    assert score(*command, "--split", "test") == 0
    assert "no calibration, so no verdicts" in capsys.readouterr().out
    assert score(*command, "--split", "train", "--calibrate") == 0
    assert "best F1" in capsys.readouterr().out
    assert (own_experiment / "pronunciation_calibration.json").is_file()
    assert score(*command, "--split", "test", "--format", "jsonl", "--output", tmp_path / "out") == 0
    read = json.loads(capsys.readouterr().out)
    assert read["phonemes"] == 48
    assert {"auc", "diagnosed", "false_rejection_rate", "f1", "pearson_utterance"} < set(read)
    rows = list(csv.DictReader((tmp_path / "out/phonemes.csv").read_text().splitlines()))
    assert len(rows) == 48
    called = [row["verdict"] == "wrong" for row in rows]
    wrong = [row["is_right"] == "False" for row in rows]
    both = sum(one and other for one, other in zip(called, wrong, strict=True))
    assert read["recall"]["value"] == pytest.approx(both / sum(wrong))
    assert json.loads((tmp_path / "out/metrics.json").read_text())["auc"] == read["auc"]


def test_metrics_that_are_unknown_are_null_and_results_are_not_replaced(
    own_experiment, corpus, tmp_path, capsys
):
    """Nobody says what was said, who speaks, or that anything is wrong."""
    rows = [f"{number}.wav,a n,0 0" for number in range(12)]
    (corpus / "metadata.csv").write_text("\n".join(["file_name,phonemes,errors", *rows]), encoding="utf-8")
    command = (own_experiment, corpus, "--corpus", "table", "--output", tmp_path / "out")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score(*command) == 0
    read = json.loads((tmp_path / "out/metrics.json").read_text(), parse_constant=pytest.fail)
    assert read["auc"] == {"value": None, "by_utterance": None, "by_speaker": None}
    capsys.readouterr()
    assert score(*command) == 2
    assert "add --overwrite" in capsys.readouterr().err
    assert score(*command, "--overwrite") == 0


def test_a_model_of_the_hub_needs_a_file_for_its_calibration(monkeypatch, corpus, capsys):
    """It is refused before anything is scored."""
    monkeypatch.setattr("cli.commands.score.recognizer_of", lambda options: None)
    assert score("somebody/model", corpus, "--corpus", "table", "--calibrate") == 2
    assert "--calibrate needs --calibration FILE" in capsys.readouterr().err


def test_scores_have_verdicts_where_a_calibration_lies_beside_the_model(
    own_experiment, corpus, tmp_path, capsys
):
    assert score(own_experiment, corpus, "--corpus", "table", "--calibrate") == 0
    command = (own_experiment, corpus / "0.wav", "--phonemes", "a n", "--format", "jsonl")
    capsys.readouterr()
    assert score(*command) == 0
    word = json.loads(capsys.readouterr().out)["words"][0]
    assert {phoneme["verdict"] for phoneme in word["phonemes"]} <= {"right", "wrong"}
    assert 0 <= word["probability_right"] <= 1
    assert score(*command, "--candidates", "same-class") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["words"][0]["verdict"] is None
    assert "is of other --candidates: there are no verdicts" in captured.err
    named = own_experiment / "pronunciation_calibration.json"
    assert score(*command, "--candidates", "same-class", "--calibration", named) == 2


def test_a_calibration_of_other_weights_is_named(own_experiment, corpus, capsys):
    assert score(own_experiment, corpus, "--corpus", "table", "--calibrate") == 0
    checkpoint = own_experiment / "checkpoints" / "best.ckpt"
    content = torch.load(checkpoint, weights_only=True)
    commands = (corpus / "0.wav", "--phonemes", "a n"), (corpus, "--corpus", "table", "--split", "test")
    for bias, is_named in ((0.0, False), (0.1, True)):
        content["state_dict"]["network.lm_head.bias"] += bias
        torch.save(content | {"epoch": 1}, checkpoint)
        for command in commands:
            assert score(own_experiment, *command) == 0
            assert ("is of another model" in capsys.readouterr().err) is is_named


def test_what_is_damaged_in_a_corpus_is_one_line_each(own_experiment, corpus, capsys):
    with (corpus / "metadata.csv").open("a", encoding="utf-8") as stream:
        stream.write("\ngone.wav,a,a,1,s1,test\n1.wav,7,a,1,s1,test\n2.wav,a\n")
    (corpus / "4.wav").write_bytes(b"no audio")
    assert score(own_experiment, corpus, "--corpus", "table", "--split", "test") == 1
    captured = capsys.readouterr()
    faults = [line for line in captured.err.splitlines() if " of " not in line or "utterances" not in line]
    assert len(faults) == 4
    assert captured.out.startswith("44 phonemes")
    for name in ("gone.wav", "4.wav", "line 28"):
        assert sum(name in line for line in faults) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "test"], "--split needs --corpus"),
        (["--calibrate"], "--calibrate needs --corpus"),
        (["--corpus", "table", "--split", "dev"], "one of all, train, val, test, got dev"),
        (["--corpus", "speechocean762"], "scores.json"),
        (["--corpus", "l2-arctic"], "split test has no utterances"),
        (["--corpus", "timit"], "--corpus"),
        (["--corpus", "table", "--format", "csv"], "must be text or jsonl"),
        (["--corpus", "table", "--false_rejections", "0.1"], "needs --calibrate"),
        (["--corpus", "table", "--calibrate", "--false_rejections", "2"], "in 0…1"),
        (["--corpus", "table", "--text", "a"], "--text needs recordings"),
        (["--corpus", "table", "--language", "ru"], "--language needs recordings"),
        (["--corpus", "table", "--calibrate", "--output", "x"], "leave them out with --calibrate"),
        (["--corpus", "l2-arctic", "--calibrate"], "split train has no utterances"),
        (["--false_rejections", "0"], "--false_rejections needs --corpus"),
    ],
)
def test_wrong_calls_are_one_line(own_experiment, corpus, arguments, message, capsys):
    assert score(own_experiment, corpus, *arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_phonemes_that_are_several_symbols_or_spelled_otherwise_are_found():
    from inference.annotated_scores import symbols_in
    from phonetics import Vocabulary

    assert symbols_in(VOCABULARY, "g") == ("ɡ",)
    assert symbols_in(VOCABULARY, "o") == ("oː",)
    arpabet = Vocabulary(("[PAD]", "aa", "ah", "sh", "dh", "iy", "k"))
    assert [symbols_in(arpabet, one) for one in ("ʌ", "ʃ", "i", "k")] == [("ah",), ("sh",), ("iy",), ("k",)]
    with pytest.raises(ValueError, match="no symbol for the phoneme"):
        symbols_in(VOCABULARY, "7")


def own_table(folder):
    """``dataset_classes`` with a folder's table."""
    arguments = {"train_val_dir": str(folder), "text_to_phonemes": "none"}
    return [{"class_path": "dataset_modules.custom.CustomAudioDataset", "init_args": arguments}]


def evaluated(experiment, datasets, place):
    """Test the experiment's checkpoint; return the folder of the results."""
    _, network = FAMILIES["Wav2Vec2 layer"]
    model = {"vocab_file": str(experiment / "vocab.json"), "network_config": network}
    content = configuration(place, data={"dataset_classes": datasets}, model=model)
    config = str(written(place / "config.yaml", content))
    checkpoint = str(experiment / "checkpoints/best.ckpt")
    assert run(["test", "--config", config, "--ckpt_path", checkpoint, "--only_weights_load", "true"]) == 0
    (metrics,) = place.rglob("metrics.json")
    return metrics.parent


def test_an_evaluation_finds_the_errors_that_score_finds(own_experiment, corpus, tmp_path, capsys):
    assert score(own_experiment, corpus, "--corpus", "table", "--calibrate") == 0
    capsys.readouterr()
    assert score(own_experiment, corpus, "--corpus", "table", "--split", "test", "--format", "jsonl") == 0
    expected = json.loads(capsys.readouterr().out)
    folder = evaluated(own_experiment, own_table(corpus), tmp_path)
    metrics = json.loads((folder / "metrics.json").read_text())
    found = metrics["pronunciation"]["test"]
    assert list(found) == list(expected)
    for name, metric in expected.items():
        if isinstance(metric, dict):
            assert found[name]["value"] == pytest.approx(metric["value"], abs=0.02), name
        else:
            assert found[name] == metric
    assert metrics["definitions"]["auc"].startswith("the probability that a wrong phoneme scores lower")
    report = experiment_page(read_experiment(folder))
    assert "Errors of pronunciation, test" in report
    assert f"{found['recall']['by_utterance']['low']:.4f} to" in report


def test_the_error_rates_of_an_evaluation_are_those_of_what_was_said(
    own_experiment, corpus, tmp_path, capsys
):
    """One row has an annotation that cannot be read, which concerns its scores alone."""
    rows = ["file_name,phonemes,said_phonemes,errors,split", "0.wav,a n | a,a | oː,0 1 1,test"]
    rows += ["1.wav,a n,n n,,test", "2.wav,a n,a n,0 0 0 0,test", "3.wav,a oː,,,test"]
    (corpus / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    folder = evaluated(own_experiment, own_table(corpus), tmp_path)
    said = [record.reference_phonemes for record in read_records(folder / "utterances_test.jsonl")]
    assert said == [["a", "oː"], ["n", "n"], ["a", "n"], ["a", "oː"]]
    assert {
        name for record in read_records(folder / "utterances_test.jsonl") for name in record.attributes
    } == set()
    found = json.loads((folder / "metrics.json").read_text())["pronunciation"]["test"]
    assert (found["phonemes"], found["wrong"]) == (5, 3)
    assert "1 utterance of 3 with annotated errors could not be scored" in capsys.readouterr().err


def test_errors_and_said_phonemes_together_name_what_is_known(tmp_path):
    rows = ["file_name,phonemes,said_phonemes,errors", "a.wav,a n oː,a tʃ oː,0 1 1"]
    (tmp_path / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    (utterance,) = annotated_table(tmp_path, "all")
    assert [(one.is_right, one.said) for one in utterance.words[0].phonemes] == [
        (True, None),
        (False, "tʃ"),
        (False, None),
    ]


def test_a_known_corpus_is_a_data_set_to_test_with(own_experiment, tmp_path):
    for speaker, phone in (("TLV", "CH,N,s"), ("ABA", "CH")):
        (tmp_path / f"l2/{speaker}/wav").mkdir(parents=True)
        (tmp_path / f"l2/{speaker}/annotation").mkdir()
        soundfile.write(tmp_path / f"l2/{speaker}/wav/a.wav", speech(1.0), 16000)
        grid = praatio.Textgrid(0, 1)
        grid.addTier(praatio.IntervalTier("words", [(0.1, 0.9, "word")], 0, 1))
        phones = [(0.1, 0.4, phone), (0.4, 0.6, "G"), (0.6, 0.9, "N")]
        grid.addTier(praatio.IntervalTier("phones", phones, 0, 1))
        grid.save(
            str(tmp_path / f"l2/{speaker}/annotation/a.TextGrid"), "long_textgrid", includeBlankSpaces=True
        )
    arguments = {"corpus": "l2-arctic", "folder": str(tmp_path / "l2")}
    path = "scoring.annotations.corpus_dataset.PronunciationCorpus"
    folder = evaluated(own_experiment, [{"class_path": path, "init_args": arguments}], tmp_path)
    found = json.loads((folder / "metrics.json").read_text())["pronunciation"]["test"]
    assert (found["phonemes"], found["wrong"]) == (3, 1)
    (record,) = read_records(folder / "utterances_test.jsonl")
    assert record.reference_phonemes == ["n", "ɡ", "n"]

"""The report of an experiment shows what its folder holds."""

import html
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import inference
from evaluation.error_analysis import analyse
from experiment.contents import Experiment
from experiment.kept_search import KeptSearch, write_search
from reports.experiment_page import experiment_page

UNFINISHED = Experiment("tried", Path("experiments/tried"), {}, {}, {}, None, {}, "lr: <0.1>", {}, None)
METRICS = {"test_per": 0.0441, "test_loss": 0.19, "test_wer": 0.3, "val_per": 0.05, "val_loss": 0.2}
FINISHED = UNFINISHED._replace(
    metrics=METRICS,
    utterances={"test": 200},
    definitions={"per": "phoneme error rate"},
    checkpoint="best.ckpt",
    curves={"train_loss": {1: 3.0, 50: 1.0}, "val_per": {50: 0.5}, "lr": {1: 0.1, 50: 0.2}},
    versions={"python": "3.11", "packages": {"torch": "2.13.0"}, "revision": "abc"},
)


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A run whose metrics hold the path of its checkpoint in a container."""
    checkpoint = tmp_path / "experiments" / "tried" / "checkpoints" / "best.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    monkeypatch.chdir(tmp_path)
    return FINISHED._replace(checkpoint="/app/experiments/tried/checkpoints/best.ckpt")


def headings(text):
    return re.findall(r"<h2>(.*?)</h2>", text)


def test_a_finished_run_shows_metrics_curves_and_origin(finished):
    text = experiment_page(finished)
    assert headings(text) == ["Results", "Learning", "Using the model", "Origin"]
    assert "4.41\u00a0%" in text
    assert "200 utterances" in text
    assert "last logged: train_loss 1" in text
    assert "last logged: lr 0.2" in text
    assert "lr: &lt;0.1&gt;" in text
    assert "./run.sh transcribe experiments/tried/checkpoints/best.ckpt RECORDINGS" in text


def test_a_report_of_a_search_states_the_rate_without_it(finished):
    assert "beam search" not in experiment_page(finished)
    text = experiment_page(finished._replace(metrics=METRICS | {"test_greedy_per": 0.0837}))
    assert "Without the search the phoneme error rate is 8.37\u00a0%" in text
    assert re.search(r"test_greedy_per.{1,80}0\.0837", text, re.DOTALL)


def test_the_code_that_a_report_shows_runs_as_it_stands(finished, monkeypatch, capsys):
    soundfile.write("recording.wav", np.zeros(160, dtype=np.float32), 16000)
    loaded = []

    def recognise(waveform, sampling_rate):
        return SimpleNamespace(text=f"{len(waveform)} at {sampling_rate}")

    monkeypatch.setattr(
        inference.Recognizer, "from_checkpoint", lambda path: loaded.append(path) or recognise
    )
    (code,) = re.findall(r"<pre>(import .*?)</pre>", experiment_page(finished), re.DOTALL)
    exec(html.unescape(code), {})
    assert capsys.readouterr().out == "160 at 16000\n"
    assert loaded == ["experiments/tried/checkpoints/best.ckpt"]


def test_a_report_of_a_search_shows_commands_that_take_the_search(finished, tmp_path):
    folder = tmp_path / "experiments" / "tried"
    best, last = (folder / "checkpoints" / name for name in ("best.ckpt", "last.ckpt"))
    last.touch()
    (best.parent / "best.json").write_text(json.dumps({"path": best.name}))
    write_search(folder, KeptSearch(4, 0.0, 1.5, has_language_model=False))
    text = html.unescape(experiment_page(finished))
    assert "./run.sh transcribe experiments/tried RECORDINGS --format textgrid --output data/tr" in text
    assert "Recognizer.from_experiment('experiments/tried')" in text
    text = html.unescape(experiment_page(finished._replace(checkpoint=str(last))))
    assert "./run.sh transcribe experiments/tried/checkpoints/last.ckpt RECORDINGS --format" in text
    assert "Recognizer.from_experiment('experiments/tried/checkpoints/last.ckpt')" in text


def test_a_report_of_an_evaluation_shows_its_own_search(finished):
    folder, evaluation = finished.folder, finished.folder / "evaluations" / "test"
    evaluation.mkdir(parents=True)
    search = KeptSearch(4, 0.5, 1.5, has_language_model=True)
    for place, model in ((folder, "one"), (evaluation, "other")):
        write_search(place, search)
        (place / "language_model.arpa").write_text(model)
    text = html.unescape(experiment_page(finished._replace(folder=evaluation)))
    own = f"--beam 4 --lm {evaluation}/language_model.arpa --lm_weight 0.5 --token_bonus 1.5 --format"
    assert f"best.ckpt RECORDINGS {own}" in text
    assert "In Python, without the search" in text
    (evaluation / "language_model.arpa").write_text("one")
    assert "from_experiment" in experiment_page(finished._replace(folder=evaluation))
    (evaluation / "decoding.json").unlink()
    text = experiment_page(finished._replace(folder=evaluation))
    assert "best.ckpt RECORDINGS --beam 1 --format" in text
    assert "from_checkpoint" in text


def test_the_axes_of_curves_name_what_they_count(finished):
    drawings = re.findall(r"<figure.*?</figure>", experiment_page(finished), re.DOTALL)
    written = [re.findall(r"<text[^>]*>([^<]*)</text>", drawing) for drawing in drawings]
    (error_rate,) = (words for words, drawing in zip(written, drawings, strict=True) if "val_per" in drawing)
    assert "errors per reference phoneme" in error_rate
    assert all("step" in words for words in written)


def test_reports_of_a_moved_experiment_name_the_present_path_of_its_checkpoint(finished, tmp_path):
    (tmp_path / "experiments").rename(tmp_path / "kept ones")
    evaluation = tmp_path / "kept ones" / "tried" / "evaluations" / "test_1"
    for folder in (evaluation, evaluation.parents[1]):
        text = experiment_page(finished._replace(folder=folder))
        assert "./run.sh transcribe &#39;kept ones/tried/checkpoints/best.ckpt&#39; RECORDINGS" in text


@pytest.mark.parametrize("error_rate", [0.0, 1.0])
def test_a_mute_model_is_called_mute_before_its_rates(noisy_records, error_rate):
    records = [
        record._replace(hypothesis=() if error_rate else record.hypothesis)
        for record in noisy_records(error_rate=0.1)
    ]
    text = experiment_page(UNFINISHED._replace(analyses={"test": analyse("test", records)}))
    assert ("recognises no phoneme" in text) == bool(error_rate)
    if error_rate:
        assert text.index("recognises no phoneme") < text.index("phoneme error rate")


@pytest.mark.parametrize("checkpoint", ["/app/experiments/tried/checkpoints/gone.ckpt", "None", None])
def test_a_missing_checkpoint_has_no_commands(finished, checkpoint):
    text = experiment_page(finished._replace(checkpoint=checkpoint))
    assert "Using the model" not in headings(text)
    assert ("Evaluated checkpoint" in text) == (checkpoint not in ("None", None))


def test_an_unfinished_run_has_no_results():
    text = experiment_page(UNFINISHED)
    assert headings(text) == ["Results", "Origin"]
    assert "has not been evaluated" in text


def test_an_unfinished_run_points_to_its_evaluations(tmp_path):
    for name in ("test", "test 2"):
        (tmp_path / "evaluations" / name).mkdir(parents=True)
        (tmp_path / "evaluations" / name / "metrics.json").touch()
    text = html.unescape(experiment_page(UNFINISHED._replace(folder=tmp_path)))
    assert f"./run.sh report {tmp_path}/evaluations/test\n./run.sh report '{tmp_path}/eval" in text
    assert "has not been evaluated" not in text


def test_the_debug_record_of_fam_is_plotted(finished, tmp_path):
    lines = [
        {"step": step, "name": "encoder.layers.0.w", "handler": "default", "alpha": 0.9, "momentum": 0.95,
         "bands": [0.5, 0.5]}
        for step in (10, 20)
    ]  # fmt: skip
    record = tmp_path / "fam_debug.jsonl"
    record.write_text("\n".join(map(json.dumps, lines)))
    text = experiment_page(finished._replace(fam_record=record))
    assert headings(text) == ["Results", "Learning", "FAM", "Using the model", "Origin"]
    assert text.count("data:image/png;base64,") == 1


def test_a_mix_of_layers_shows_which_layer_counts_most(finished):
    shares = {f"{split}_layer_{n}_share": n / 10 for split in ("val", "test") for n in (1, 2, 3, 4)}
    text = experiment_page(finished._replace(metrics=METRICS | shares))
    assert "Layers" in headings(text)
    assert "Layer 4 of 4 has the largest share, 40.0" in text
    assert "Layers" not in headings(experiment_page(finished))

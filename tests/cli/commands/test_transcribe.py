"""``transcribe`` and ``export`` as their users call them."""

import io
import json
import os
import shutil
import sys
import time
from contextlib import closing, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
import torch

from cli.commands import transcribe as module
from cli.commands.transcription.recordings import NamedRecording
from cli.run import run
from evaluation.utterance_record import UtteranceRecord, write_records
from experiment.layout import records_file
from inference.decoding.ngram import estimate
from inference.formats import Label, textgrid_of
from models import PhonemeRecognizer
from models.weights import checkpoint_digest
from tests.inference.tiny_models import FAMILIES, VOCABULARY, speech


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """An experiment's folder with the checkpoint of a tiny network."""
    folder = tmp_path_factory.mktemp("experiments") / "tiny"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "vocab.json").write_text(VOCABULARY.to_json(), encoding="utf-8")
    torch.manual_seed(1)
    name, network = FAMILIES["Wav2Vec2 layer"]
    module = PhonemeRecognizer(folder / "vocab.json", network_name=name, network_config=network)
    module.configure_model()
    torch.nn.init.normal_(module.network.lm_head.weight, std=1.0)
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / "checkpoints" / "best.ckpt")
    (folder / "checkpoints" / "best.json").write_text(json.dumps({"path": "best.ckpt"}))
    return folder


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "speech"
    (folder / "deep").mkdir(parents=True)
    soundfile.write(folder / "a.wav", speech(1.0), 16000)
    soundfile.write(folder / "deep" / "b.flac", speech(1.5, 1), 22050)
    (folder / "bad.wav").write_text("no audio")
    (folder / "notes.txt").write_text("no recording")
    return folder


def test_a_folder_is_transcribed_and_a_bad_file_is_one_line(experiment, recordings, capsys):
    assert run(["transcribe", str(experiment), str(recordings), "--device", "cpu"]) == 1
    captured = capsys.readouterr()
    names = [line.split("\t")[0] for line in captured.out.splitlines()]
    assert names == [str(recordings / "a.wav"), str(recordings / "deep" / "b.flac")]
    assert captured.err.count("bad.wav: cannot be decoded") == 1
    assert "2 of 3 recordings" in captured.err
    assert "real-time factor" in captured.err


def test_the_clips_of_a_table_are_transcribed_one_by_one(experiment, recordings, capsys):
    rows = ["file_name,start,end", "a.wav,0.1,0.4", "a.wav,0.5,0.9", "deep/b.flac,,", "a.wav,3,4"]
    (recordings / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    (recordings / "bad.wav").unlink()
    arguments = ["--clips", "--device", "cpu", "--format", "jsonl"]
    assert run(["transcribe", str(experiment), str(recordings), *arguments]) == 1
    captured = capsys.readouterr()
    found = [json.loads(line) for line in captured.out.splitlines()]
    assert [(one["name"], one["seconds"]) for one in found] == [
        *(("a.wav#0001", 0.3), ("a.wav#0002", 0.4), ("deep/b.flac", 1.088)),
    ]
    assert "a.wav#0003: its times must lie inside the recording" in captured.err
    cut = recordings / "cut.wav"
    samples, rate = soundfile.read(recordings / "a.wav", dtype="float32")
    soundfile.write(cut, samples[round(0.5 * rate) : round(0.9 * rate)], rate, subtype="FLOAT")
    assert run(["transcribe", str(experiment), str(cut), *arguments[1:]]) == 0
    assert json.loads(capsys.readouterr().out)["words"] == found[1]["words"]


def test_the_clips_of_label_files_are_transcribed_into_a_folder(experiment, recordings, tmp_path, capsys):
    tier = {"utterances": [Label(0.1, 0.4, "da"), Label(0.5, 0.9, "net")]}
    (recordings / "a.TextGrid").write_text(textgrid_of(tier, 1.0), encoding="utf-8")
    (recordings / "bad.wav").unlink()
    arguments = ["--clips", "--format", "textgrid", "--output", str(tmp_path / "out")]
    assert run(["transcribe", str(experiment), str(recordings), *arguments]) == 0
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert names == ["a.wav#0001.TextGrid", "a.wav#0002.TextGrid", "deep/b.flac.TextGrid"]
    assert run(["transcribe", str(experiment), str(recordings / "a.TextGrid")]) == 2
    assert "transcribe --clips takes the clips" in capsys.readouterr().err


def test_an_experiment_transcribes_by_the_search_of_its_test(experiment, recordings, tmp_path, capsys):
    folder = tmp_path / "searched"
    shutil.copytree(experiment, folder)
    model = estimate([VOCABULARY.phonemes[:2], VOCABULARY.phonemes[1:4]], 2)
    (folder / "language_model.arpa").write_text(model.to_arpa(), encoding="utf-8")
    kept = {"beam": 4, "lm_weight": 2.0, "token_bonus": 3.0, "has_language_model": True}
    (folder / "decoding.json").write_text(json.dumps(kept), encoding="utf-8")

    def transcribed(*options):
        assert run(["transcribe", str(folder), str(recordings / "a.wav"), *options]) == 0
        return capsys.readouterr()

    alone = transcribed()
    assert "decodes as test data were decoded" in alone.err
    stated = ["--beam", "4", "--lm", str(folder / "language_model.arpa"), "--lm_weight", "2"]
    assert transcribed(*stated, "--token_bonus", "3").out == alone.out
    assert transcribed("--beam", "1").out != alone.out
    for written, message in (
        ({**kept, "beam": 0}, "beam must be between 1 and 1000, got 0"),
        ({**kept, "beam": 4.5}, "beam must be between 1 and 1000, got 4.5"),
        ({"beam": 4}, "must have the keys beam, lm_weight"),
        ({**kept, "token_bonus": "1"}, "decoding.json"),
    ):
        (folder / "decoding.json").write_text(json.dumps(written), encoding="utf-8")
        assert run(["transcribe", str(folder), str(recordings / "a.wav")]) == 2
        assert message in capsys.readouterr().err


def test_the_line_shows_how_much_of_a_long_recording_was_read_until_it_is_transcribed(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    two_hours = NamedRecording(SimpleNamespace(seconds=lambda: 7200.0), Path("a"))
    with closing(module._Progress([two_hours])) as progress:
        for clock.now, seconds in ((1.0, 10.0), (31.0, 600.0), (32.0, 10.0)):
            progress.read(seconds)
        assert "0/7200 s" in sys.stderr.getvalue()
        assert "read 610 s" in sys.stderr.getvalue()  # a log gets a line in half a minute
        assert "read 620 s" not in sys.stderr.getvalue()
        clock.now = 64.0
        progress.add(128.0)
        assert progress.summary() == "128.0 s of audio in 64.0 s (real-time factor 0.500)"
        clock.now = 128.0
        progress.read(10.0)
        assert "read 630 s" not in sys.stderr.getvalue()


def test_nothing_transcribed_has_no_real_time_factor(experiment, recordings, capsys):
    assert run(["transcribe", str(experiment), str(recordings / "bad.wav"), "--device", "cpu"]) == 1
    assert "0 of 1 recordings, 0.0 s of audio" in (written := capsys.readouterr().err)
    assert "real-time factor" not in written


def test_results_go_into_a_folder_as_the_recordings_lie(experiment, recordings, tmp_path, capsys):
    (recordings / "bad.wav").unlink()
    soundfile.write(recordings / "a.flac", speech(0.5), 16000)
    out = tmp_path / "out"
    command = ["transcribe", str(experiment), str(recordings), "--format", "TextGrid", "--output", str(out)]
    assert run(command) == 0
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*.TextGrid"))
    assert written == ["a.TextGrid", "a_2.TextGrid", "deep/b.TextGrid"]
    assert capsys.readouterr().out == ""


def test_files_that_are_there_are_not_replaced_unless_asked(experiment, recordings, capsys):
    reference = recordings / "a.txt"
    reference.write_text("by hand\n")
    command = ["transcribe", str(experiment), str(recordings / "a.wav"), "--output", str(recordings)]
    assert run(command) == 2
    captured = capsys.readouterr()
    assert f"1 of 1 files are there: {reference}; name another folder, or add --overwrite" in captured.err
    assert "real-time factor" not in captured.err
    assert reference.read_text() == "by hand\n"
    assert run([*command, "--overwrite"]) == 0
    assert reference.read_text() != "by hand\n"


def test_a_file_where_results_need_a_folder_is_told_before_anything_is_heard(
    experiment, recordings, tmp_path, capsys
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").write_text("a file")
    assert run(["transcribe", str(experiment), str(recordings), "--output", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert f"--output must be a folder, {tmp_path / 'out' / 'deep'} cannot be one" in captured.err
    assert "real-time factor" not in captured.err


@pytest.mark.parametrize("form", ["textgrid", "srt"])
def test_formats_that_do_not_join_want_a_folder_for_several_recordings(experiment, recordings, form, capsys):
    command = ["transcribe", str(experiment), "--format", form]
    assert run([*command, str(recordings)]) == 2
    captured = capsys.readouterr()
    assert f"--format {form} of 3 recordings" in captured.err
    assert "--output FOLDER" in captured.err
    assert captured.out == ""
    assert run([*command, str(recordings / "a.wav")]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "jsonl", "ctm"])
def test_a_name_that_is_no_utf8_stops_nothing(experiment, recordings, tmp_path, form):
    undecodable = os.fsencode(recordings) + b"/caf\xe9.wav"
    shutil.copy(recordings / "a.wav", undecodable)
    out = tmp_path / "out"
    command = ["transcribe", str(experiment), str(recordings), "--format", form]
    with (tmp_path / "printed").open("w", encoding="utf-8") as stream, redirect_stdout(stream):
        assert run(command) == 1  # because of bad.wav alone
    assert len((tmp_path / "printed").read_text(encoding="utf-8").splitlines()) >= 3
    assert run([*command, "--output", str(out)]) == 1
    assert sum(name.startswith(b"caf\xe9.") for name in os.listdir(os.fsencode(out))) == 1


def test_standard_input_is_one_recording(experiment, monkeypatch, capsys):
    stream = io.BytesIO()
    soundfile.write(stream, speech(1.0), 16000, format="WAV")
    monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stream.getvalue()), isatty=lambda: False)
    )
    checkpoint = experiment / "checkpoints" / "best.ckpt"
    assert run(["transcribe", str(checkpoint), "-", "--format", "jsonl"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["name"] == "stdin"
    assert described["seconds"] == 1.0
    assert described["words"]


def test_a_beam_search_takes_a_language_model(experiment, recordings, tmp_path, capsys):
    arpa = tmp_path / "lm.arpa"
    arpa.write_text("\\1-grams:\n-0.1\ta\n-3\tn\n-3\ttʃ\n-3\toː\n-3\tɡ\n-3\t|\n\\end\\\n", encoding="utf-8")
    command = ["transcribe", str(experiment), str(recordings / "a.wav"), "--beam", "4"]
    assert run([*command, "--lm", str(arpa), "--lm_weight", "8"]) == 0
    with_model = capsys.readouterr().out.split()
    assert run(command) == 0
    without = capsys.readouterr().out.split()
    assert set(with_model) <= {"a", "|"}
    assert with_model != without


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "a.wav"], "nowhere must be a checkpoint"),
        (["{experiment}", "absent.wav"], "absent.wav must be a file or a folder"),
        (["{experiment}", "{experiment}/checkpoints"], "must hold recordings"),
        (["{experiment}", "a.wav", "--beam", "0"], "--beam must be between 1 and 1000"),
        (["{experiment}", "a.wav", "--lm", "x.arpa"], "--lm needs a beam search"),
        (["{experiment}", "a.wav", "--beam", "4", "--lm_weight", "0.3"], "--lm_weight needs a model"),
        (["{experiment}", "a.wav", "--token_bonus", "0.3"], "--token_bonus needs a beam search"),
        (["{experiment}", "a.wav", "--one_pass", "inf"], "--one_pass must be a number"),
        (["{experiment}", "a.wav", "--window", "nan"], "--window must be a positive number"),
        (["{experiment}", "a.wav", "--overlap", "30"], "--overlap must be less than --window"),
        (["{experiment}", "a.wav", "--format", "mp3"], "invalid choice"),
        (
            ["{experiment}", "{experiment}/checkpoints/best.ckpt", "--device", "abacus"],
            "--device must be one that is here",
        ),
    ],
)
def test_a_mistake_is_one_line_and_status_2(experiment, arguments, message, capsys):
    assert run(["transcribe", *(argument.format(experiment=experiment) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_place_that_cannot_be_written_to_is_told_at_once(experiment, recordings, capsys):
    inside_a_file = recordings / "notes.txt" / "out"
    command = ["transcribe", str(experiment), str(recordings / "a.wav"), "--output", str(inside_a_file)]
    assert run(command) == 2
    assert "--output must be a folder" in capsys.readouterr().err


def test_a_language_model_of_other_phonemes_is_refused(experiment, recordings, tmp_path, capsys):
    arpa = tmp_path / "lm.arpa"
    command = ["transcribe", str(experiment), str(recordings / "a.wav"), "--beam", "4", "--lm", str(arpa)]
    arpa.write_text("\\1-grams:\n-1\tx\n-1\ty\n\\end\\\n")
    assert run(command) == 2
    assert "--lm must be over the phonemes of the vocabulary" in capsys.readouterr().err
    arpa.write_text("\\1-grams:\n-1\ta\n-1\tn\n-1\ttʃ\n-1\toː\n-1\tɡ\n\\end\\\n", encoding="utf-8")
    assert run(command) == 0
    assert "has no |: it takes them for unknown" in capsys.readouterr().err


def test_export_writes_beside_the_checkpoints_and_only_once(experiment, capsys):
    assert run(["export", str(experiment), "--to", "onnx"]) == 0
    assert (experiment / "exports" / "onnx" / "model.onnx").is_file()
    assert run(["export", str(experiment), "--to", "onnx"]) == 2
    assert "must be a new folder" in capsys.readouterr().err


def test_a_card_has_the_intervals_of_the_records(experiment, tmp_path):
    figures = {"test_per": 0.25, "utterances": {"test": 20}, "checkpoint": "/elsewhere/checkpoints/best.ckpt"}
    (experiment / "metrics.json").write_text(json.dumps(figures))
    records = [
        UtteranceRecord(str(number), "test", ("a", "n"), ("a", "n" if number % 2 else "a"), 1.0, 50, 0.5)
        for number in range(20)
    ]
    write_records(records_file(experiment, "test"), records)
    assert run(["export", str(experiment), "--to", "onnx", "--output", str(tmp_path / "out")]) == 0
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in card.splitlines() if line.startswith("| per on test")]
    low, high = (float(end) for end in row.split("|")[3].split("to"))
    assert 0.1 < low < 0.25 < high < 0.4


def _card(checkpoint, folder):
    assert run(["export", str(checkpoint), "--to", "onnx", "--output", str(folder)]) == 0
    return (folder / "README.md").read_text(encoding="utf-8")


def _evaluation(experiment, name, seconds, **metrics):
    """An evaluation's figures, written so many seconds after all others."""
    path = experiment / "evaluations" / name / "metrics.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(metrics))
    later = time.time() + seconds
    os.utime(path, (later, later))


def test_a_card_has_no_figures_of_another_checkpoint(experiment, tmp_path, capsys):
    (experiment / "metrics.json").write_text(json.dumps({"test_per": 0.25, "checkpoint": "c/best.ckpt"}))
    last = experiment / "checkpoints" / "last.ckpt"
    shutil.copy(experiment / "checkpoints" / "best.ckpt", last)
    assert "0.2500" not in _card(last, tmp_path / "none")
    assert "was evaluated with last.ckpt" in capsys.readouterr().err
    # By name, from before contents were named; trained on since.
    _evaluation(experiment, "test", -60, test_per=0.75, checkpoint="c/last.ckpt")
    assert "0.7500" not in _card(last, tmp_path / "trained_on")
    shutil.rmtree(experiment / "evaluations")
    _evaluation(experiment, "test", 60, test_per=0.75, checkpoint="c/last.ckpt")
    card = _card(last, tmp_path / "by_name")
    assert "| per on test | 0.7500 |" in card
    assert "this onnx model was not compared with it" in card


def test_a_card_has_the_newest_figures_of_the_checkpoints_content(experiment, tmp_path, capsys):
    last = experiment / "checkpoints" / "last.ckpt"
    shutil.copy(experiment / "checkpoints" / "best.ckpt", last)
    own = {"checkpoint": "c/last.ckpt", "checkpoint_digest": checkpoint_digest(last)}
    shutil.rmtree(experiment / "evaluations", ignore_errors=True)
    (experiment / "metrics.json").write_text(json.dumps({"test_per": 0.1, "checkpoint": None}))
    _evaluation(experiment, "test", 10, test_per=0.2, **own)
    _evaluation(experiment, "test_2", 20, test_per=0.3, **own)
    _evaluation(experiment, "test_3", 30, test_per=0.4, **own | {"checkpoint_digest": "another's"})
    _evaluation(experiment, "val", 40, val_per=0.5, **own)
    assert "| per on test | 0.3000 |" in _card(last, tmp_path / "out")


@pytest.mark.parametrize(("policy", "recognised", "phonemes"), [("skip", 1, 2), ("drop", 2, 3)])
def test_a_check_uses_the_clips_that_an_evaluation_uses(experiment, tmp_path, policy, recognised, phonemes):
    """Labels outside the vocabulary by the policy, and none that the frames cannot hold."""
    rows = ["file_name,phonemes,split", "a.wav,a n,test", "b.wav,a q,test", f"c.wav,{'a n ' * 99},test"]
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", speech(0.5), 16000)
    data = {
        "class_path": "dataset_modules.custom.CustomAudioDataset",
        "init_args": {"train_val_dir": str(tmp_path), "cache_dir": str(tmp_path / "cache")},
    }
    configuration = {"data": {"dataset_classes": [data], "language": "de", "unknown_phonemes": policy}}
    (experiment / "config.yaml").write_text(json.dumps(configuration))
    command = ["export", str(experiment), "--to", "onnx", "--check", "--output", str(tmp_path / "onnx")]
    try:
        assert run(command) == 0
    finally:
        (experiment / "config.yaml").unlink()
    parity = json.loads((tmp_path / "onnx" / "parity.json").read_text())
    assert (parity["utterances"], parity["phonemes"]) == (recognised, phonemes)


def test_a_check_needs_the_experiments_configuration(experiment, tmp_path, capsys):
    command = ["export", str(experiment), "--to", "hf", "--check", "--output", str(tmp_path / "hf")]
    assert run(command) == 2
    assert "--check needs the experiment's config.yaml" in capsys.readouterr().err
    assert not (tmp_path / "hf").exists()

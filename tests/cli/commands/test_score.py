"""``score`` as its users call it: one text, a table, label files; formats; what cannot be scored."""

import csv
import json
import unicodedata

import numpy as np
import pytest
import soundfile
from praatio import textgrid as praatio

from cli.commands.transcription.label_tables import listed_recordings
from cli.run import run
from inference import Recognizer
from inference.handover.onnx_export import save_onnx
from scoring.annotations.annotated_table import annotated_table
from tests.inference.tiny_models import VOCABULARY, speech

NAMES = VOCABULARY.phonemes[:3]
SAID = f"{NAMES[0]} {NAMES[1]} | {NAMES[2]}"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "speech"
    folder.mkdir()
    for number, name in enumerate(("a", "b")):
        soundfile.write(folder / f"{name}.wav", speech(2.0, number), 16000, subtype="FLOAT")
    return folder


def score(*arguments):
    return run(["score", *map(str, arguments), "--device", "cpu"])


def lines_of(captured):
    return [json.loads(line) for line in captured.out.splitlines()]


def test_scores_are_those_of_the_recogniser(experiment, folder, capsys):
    assert score(experiment, folder / "a.wav", "--phonemes", SAID, "--format", "jsonl") == 0
    (found,) = lines_of(capsys.readouterr())
    recognizer = Recognizer(f"{experiment}/checkpoints/best.ckpt")
    expected = recognizer.score(speech(2.0, 0), 16000, phonemes=SAID.split())
    gops = [phoneme["gop"] for word in found["words"] for phoneme in word["phonemes"]]
    assert gops == pytest.approx([phoneme.gop for phoneme in expected.phonemes], abs=1e-4)
    assert [word["text"] for word in found["words"]] == [NAMES[0] + NAMES[1], NAMES[2]]


def test_one_text_holds_for_all_recordings_and_may_be_a_file(experiment, folder, tmp_path, capsys):
    text = tmp_path / "prompt.txt"
    text.write_text("на\nна\n", encoding="utf-8")
    command = (experiment, folder, "--text", text, "--language", "ru", "--format", "jsonl")
    status = score(*command, "--text_to_phonemes", _dictionary(tmp_path))
    captured = capsys.readouterr()
    assert (status, captured.err) == (0, "")
    texts = [[word["text"] for word in one["words"]] for one in lines_of(captured)]
    assert texts == [["na", "na"]] * 2


def _dictionary(tmp_path):
    path = tmp_path / "words.dict"
    path.write_text("на n a\n", encoding="utf-8")
    return path


def test_a_table_states_what_each_recording_should_say(experiment, folder, tmp_path, capsys):
    rows = [
        "file_name,phonemes,speaker",
        f"b.wav,{NAMES[1]} {NAMES[2]},ann",
        "gone.wav,a,bob",
        "../x.wav,a,bob",
        f"a.wav,{NAMES[0]},bob",
        "b.wav",
    ]
    table = folder / "prompts.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    assert score(experiment, table, "--format", "csv") == 1
    captured = capsys.readouterr()
    found = [
        (row["name"].rpartition("/")[2], row["symbol"]) for row in csv.DictReader(captured.out.splitlines())
    ]
    assert [row for row in found if row[1]] == [("b.wav", NAMES[1]), ("b.wav", NAMES[2]), ("a.wav", NAMES[0])]
    faults = captured.err.splitlines()
    assert len(faults) == 3
    assert any("gone.wav" in line for line in faults)
    assert any("line 4: the file must lie below" in line for line in faults)
    assert any("as many cells as the header" in line for line in faults)


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_table_finds_files_whose_names_are_decomposed(folder, tmp_path, on_disk, in_table):
    name = unicodedata.normalize(on_disk, "été.wav")
    (folder / "a.wav").rename(folder / name)
    (folder / "ö").symlink_to(tmp_path)
    (tmp_path / "x.wav").touch()
    rows = [unicodedata.normalize(in_table, "été.wav,a"), unicodedata.normalize(in_table, "ö/x.wav,a")]
    table = folder / "metadata.csv"
    table.write_text("\n".join(["file_name,phonemes", *rows]), encoding="utf-8")
    (found, _), (_, fault) = listed_recordings(table, None, "score")
    assert found.audio.path == folder / name
    assert "must lie below" in fault
    assert [one.fault is None for one in annotated_table(folder, "all")] == [False, False]
    table.write_text(table.read_text().replace("phonemes", "phonemes,errors").replace(",a", ",a,0"))
    assert [one.audio.name for one in annotated_table(folder, "all")] == [name, "metadata.csv"]


def test_a_folder_with_a_table_is_scored_by_it_and_parts_are_joined(experiment, folder, tmp_path, capsys):
    rows = [
        {"file_name": "a.wav", "phonemes": list(NAMES[:2]), "start": start, "end": start + 0.9}
        for start in (0, 1)
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert score(experiment, folder, "--format", "textgrid", "--output", tmp_path / "out") == 0
    assert capsys.readouterr().err == f"score: 1 of 1 recording, in {tmp_path / 'out'}\n"
    grid = praatio.openTextgrid(str(tmp_path / "out/a.TextGrid"), includeEmptyIntervals=False)
    assert grid.tierNames == ("expected", "said", "score")
    entries = grid.getTier("expected").entries
    assert [entry.label for entry in entries] == [*NAMES[:2], *NAMES[:2]]
    assert entries[1].end <= 0.9 + 1e-6 < 1.0 <= entries[2].start
    assert not (tmp_path / "out/b.TextGrid").exists()


def test_rows_without_a_text_have_the_stated_one(experiment, folder, capsys):
    (folder / "metadata.csv").write_text(f"file_name,phonemes\na.wav,\nb.wav,{NAMES[2]}\n")
    assert score(experiment, folder, "--phonemes", SAID, "--format", "jsonl") == 0
    counts = [sum(len(word["phonemes"]) for word in one["words"]) for one in lines_of(capsys.readouterr())]
    assert counts == [3, 1]


def test_label_files_beside_recordings_are_read(experiment, folder, capsys):
    (folder / "a.lab").write_text(" ".join(NAMES), encoding="utf-8")
    assert score(experiment, folder, "--label_kind", "phonemes") == 1
    captured = capsys.readouterr()
    assert captured.out.count("phonemes in 2.00 s") == 1
    assert "b.wav: it needs --text, --phonemes, or a label file" in captured.err


def test_what_cannot_be_scored_is_one_line_and_the_rest_goes_on(experiment, folder, capsys):
    broken = speech(1.0)
    broken[7] = np.nan
    soundfile.write(folder / "nan.wav", broken, 16000, subtype="FLOAT")
    soundfile.write(folder / "short.wav", speech(0.05), 16000)
    soundfile.write(folder / "silence.wav", np.zeros(16000), 16000)
    (folder / "text.wav").write_text("no audio")
    assert score(experiment, folder, "--phonemes", " ".join([SAID] * 3), "--format", "jsonl") == 1
    captured = capsys.readouterr()
    assert [one["name"].rpartition("/")[2] for one in lines_of(captured)] == ["a.wav", "b.wav"]
    faults = captured.err.splitlines()
    assert len(faults) == 4
    for name, reason in (
        ("nan.wav", "NaN"),
        ("short.wav", "labels need"),
        ("silence.wav", "no phoneme is recognised"),
        ("text.wav", ""),
    ):
        assert sum(name in line and reason in line for line in faults) == 1


def test_candidates_come_from_a_file(experiment, folder, tmp_path, capsys):
    table = tmp_path / "errors.tsv"
    table.write_text(f"{NAMES[0]}\t{NAMES[2]}\n", encoding="utf-8")
    command = (experiment, folder / "a.wav", "--phonemes", NAMES[0], "--format", "jsonl", "--candidates")
    found = {}
    for choice in ("all", "same-class", table):
        assert score(*command, choice) == 0
        ((found[choice],),) = [
            [one["words"][0]["phonemes"][0]["gop"] for one in lines_of(capsys.readouterr())]
        ]
    assert found["all"] < found["same-class"]
    assert found["all"] < found[table]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--text", "да", "--phonemes", "a"], 2, "give --text or --phonemes, not both"),
        (["--text", "да"], 2, "a text needs --language"),
        (["--text", "да", "--language", "nowhere"], 2, "nowhere"),
        (["--phonemes", "a", "--candidates", "gone.tsv"], 2, "--candidates"),
        (["--phonemes", "a", "--format", "eaf"], 2, "--format"),
        (["--text", " "], 2, "score: --text must not be empty"),
        (["--text", "gone.TXT"], 2, "score: --text must be a text or a file with it, there is no file"),
        (["--text", "/tmp/gone"], 2, "there is no file '/tmp/gone'"),
        (["--text", "и/или"], 2, "a text needs --language"),
        (["--phonemes", ""], 2, "score: --phonemes must not be empty"),
        (["--phonemes", "a", "--false_rejections", "0"], 2, "--false_rejections needs --corpus"),
        (["--phonemes", "a xyz"], 1, "not: xyz"),
        (["--phonemes", "d a"], 1, "d (nearest: ɡ)"),
    ],
)
def test_mistakes_are_one_line(experiment, folder, arguments, status, message, capsys):
    assert score(experiment, folder / "a.wav", *arguments) == status
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_each_speaker_has_a_page(experiment, folder, tmp_path, capsys):
    rows = [
        "file_name,phonemes,speaker",
        f"a.wav,{SAID.replace(' | ', ' ')},Ann/B",
        f"b.wav,{NAMES[0]},Ann:B",
    ]
    (folder / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    assert score(experiment, folder, "--pages", tmp_path / "pages") == 0
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "pages").iterdir()}
    assert sorted(pages) == ["Ann_B.html", "Ann_B_2.html"]
    assert "Pronunciation of Ann/B" in pages["Ann_B.html"]
    assert pages["Ann_B.html"].count("<audio") == 1
    assert "data:audio/mpeg;base64," in pages["Ann_B_2.html"]


def test_recordings_without_a_speaker_share_a_page(experiment, folder, tmp_path):
    assert score(experiment, folder, "--phonemes", SAID, "--pages", tmp_path / "pages") == 0
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["all_recordings.html"]


def test_pages_are_replaced_only_where_that_is_asked_for(experiment, folder, tmp_path, capsys):
    (tmp_path / "pages").mkdir()
    page = tmp_path / "pages" / "all_recordings.html"
    page.write_text("mine")
    command = (experiment, folder / "a.wav", "--phonemes", SAID, "--pages", page.parent)
    assert score(*command) == 2
    assert f"--pages must not hold results already, 1 of 1 files are there: {page}" in capsys.readouterr().err
    assert page.read_text() == "mine"
    assert score(*command, "--overwrite") == 0
    assert page.read_text() != "mine"


def test_an_onnx_export_is_scored_by_its_folder(experiment, folder, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    save_onnx(Recognizer(f"{experiment}/checkpoints/best.ckpt").model, tmp_path)
    found = []
    for model in (experiment, tmp_path):
        assert score(model, folder / "a.wav", "--phonemes", SAID, "--format", "jsonl") == 0
        found.append(lines_of(capsys.readouterr())[0])
    assert found[1]["gop"] == pytest.approx(found[0]["gop"], abs=2e-3)

"""``align`` as its users call it: a text given, label files, utterances of a long recording."""

import numpy as np
import pytest
import soundfile
from praatio import textgrid as praatio

from cli.run import run
from tests.inference.tiny_models import VOCABULARY, speech

NAMES = VOCABULARY.phonemes[:3]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "speech"
    folder.mkdir()
    soundfile.write(folder / "a.wav", np.concatenate([speech(1.0), speech(1.0, 1)]), 16000)
    return folder


def read_grid(path):
    grid = praatio.openTextgrid(str(path), includeEmptyIntervals=False)
    return {name: list(grid.getTier(name).entries) for name in grid.tierNames}


def test_phonemes_of_one_recording_become_a_textgrid_with_words(experiment, folder, tmp_path):
    said = f"{NAMES[0]} {NAMES[1]} | {NAMES[2]}"
    out = tmp_path / "out"
    command = ["align", experiment, str(folder / "a.wav"), "--phonemes", said, "--output", str(out)]
    assert run([*command, "--device", "cpu"]) == 0
    tiers = read_grid(out / "a.TextGrid")
    assert [entry.label for entry in tiers["phonemes"]] == list(NAMES)
    assert [entry.label for entry in tiers["words"]] == [NAMES[0] + NAMES[1], NAMES[2]]


def test_words_of_a_text_keep_their_spelling(experiment, folder, tmp_path):
    dictionary = tmp_path / "words.dict"
    dictionary.write_text(f"oh\t{NAMES[0]} {NAMES[1]}\nl'eau\t{NAMES[2]}\n", encoding="utf-8")
    command = [
        "align",
        experiment,
        str(folder / "a.wav"),
        "--text",
        "«Oh – l'eau!»",
        "--output",
        str(tmp_path),
    ]
    assert run([*command, "--language", "fr-fr", "--text_to_phonemes", str(dictionary)]) == 0
    tiers = read_grid(tmp_path / "a.TextGrid")
    assert [entry.label for entry in tiers["words"]] == ["Oh", "l'eau"]
    assert [entry.label for entry in tiers["phonemes"]] == list(NAMES)


def test_utterances_of_a_long_recording_are_aligned_inside_their_times(experiment, folder, tmp_path, capsys):
    grid = praatio.Textgrid(0, 2)
    labels = [(0.1, 0.9, " ".join(NAMES[:2])), (1.0, 1.9, NAMES[2])]
    grid.addTier(praatio.IntervalTier("utterances", labels, 0, 2))
    grid.save(str(folder / "a.TextGrid"), format="short_textgrid", includeBlankSpaces=True)
    command = ["align", experiment, str(folder), "--label_kind", "phonemes", "--output", str(tmp_path)]
    assert run([*command, "--format", "TextGrid"]) == 0
    entries = read_grid(tmp_path / "a.TextGrid")["phonemes"]
    assert [entry.label for entry in entries] == list(NAMES)
    assert 0.1 <= entries[0].start < entries[1].end <= 0.9 + 1e-6
    assert 1.0 <= entries[2].start < entries[2].end <= 1.9 + 1e-6


def test_a_text_is_spoken_in_the_language_and_what_fails_is_one_line_each(
    experiment, folder, tmp_path, capsys
):
    soundfile.write(folder / "bare.wav", speech(1.0), 16000)
    (folder / "a.txt").write_text("да нет", encoding="utf-8")
    command = ["align", experiment, str(folder), "--language", "ru", "--output", str(tmp_path / "out")]
    status = run(command)
    captured = capsys.readouterr().err
    assert status == 1
    assert captured.count("bare.wav: it needs --text, --phonemes, or a label file") == 1
    assert f"align: 0 of 2 recordings, in {tmp_path / 'out'}" in captured


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "да", "--phonemes", "d a"], "give --text or --phonemes, not both"),
        (["--text", "да"], "a text needs --language"),
        (["--text", "gone.txt"], "align: --text must be a text or a file with it, there is no file"),
        (["--phonemes", "nowhere"], "must be in the vocabulary, these are not"),
        (["--phonemes", " ".join(NAMES * 200)], "labels need"),
    ],
)
def test_mistakes_are_one_line(experiment, folder, arguments, message, capsys):
    assert run(["align", experiment, str(folder / "a.wav"), *arguments]) in (1, 2)
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_labels_are_not_replaced_by_results(experiment, folder, capsys):
    labels = folder / "a.TextGrid"
    labels.write_text("by hand")
    command = ["align", experiment, str(folder / "a.wav"), "--output", str(folder)]
    for more in ([], ["--overwrite"]):
        assert run([*command, *more]) == 2
        assert f"must not replace labels, also not by --overwrite: {labels}" in capsys.readouterr().err
    assert labels.read_text() == "by hand"


def test_label_files_that_do_not_show_what_they_hold_are_a_question(experiment, folder, capsys):
    (folder / "a.lab").write_text("I do", encoding="utf-8")
    assert run(["align", experiment, str(folder / "a.wav")]) == 2
    assert "label_kind must be given, phonemes or text" in capsys.readouterr().err

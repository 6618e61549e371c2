"""``phonemize``: the phonemes of a text, and what is odd about it."""

import pytest

from cli.run import run
from phonetics import EspeakPhonemes, IpaNormaliser


def phonemize(*arguments):
    return run(["phonemize", *map(str, arguments)])


def test_the_phonemes_are_those_of_training(capsys):
    assert phonemize("la casa", "--language", "it") == 0
    captured = capsys.readouterr()
    assert captured.out.split() == list(IpaNormaliser()(EspeakPhonemes("it")("la casa")))
    assert captured.err == ""


def test_long_consonants_are_spelled_as_the_vocabulary_has_them(tmp_path, capsys):
    assert phonemize("palla", "--language", "it") == 0
    assert capsys.readouterr().out.split() == ["p", "a", "lː", "a"]
    (tmp_path / "v.json").write_text('{"[PAD]": 0, "p": 1, "a": 2, "l": 3}')
    assert phonemize("palla", "--language", "it", "--vocabulary", tmp_path / "v.json") == 0
    assert capsys.readouterr().out.split() == ["p", "a", "l", "l", "a"]


def test_odd_parts_are_named_beside(capsys):
    assert phonemize("привет 5", "--language", "en-us") == 0
    error = capsys.readouterr().err
    assert "foreign script: привет" in error
    assert "digits: 5" in error


def test_languages_are_listed_with_their_names(capsys):
    with pytest.raises(SystemExit) as end:
        phonemize("--languages")
    assert end.value.code in (None, 0)
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["it", "Italian"] in lines
    assert len(lines) > 100


def test_a_file_gives_a_line_for_each_text(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("casa\n\nPIN per te\n", encoding="utf-8")
    assert phonemize("--file", tmp_path / "a.txt", "--language", "it") == 0
    captured = capsys.readouterr()
    assert [line.split("\t")[0] for line in captured.out.splitlines()] == ["casa", "PIN per te"]
    assert "line 3: spelled-out letters: PIN" in captured.err


def test_phonemes_outside_the_vocabulary_are_named(tmp_path, capsys):
    (tmp_path / "v.json").write_text('{"[PAD]": 0, "k": 1, "a": 2}')
    assert phonemize("casa", "--language", "it", "--vocabulary", tmp_path / "v.json") == 0
    assert "not in the vocabulary:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["casa", "--language", "italian"], "nearest: it"),
        (["--language", "it"], "error: phonemize: give either texts or --file"),
        (["casa", "--language", "it", "--text_to_phonemes", "none"], "none"),
    ],
)
def test_mistakes_are_named(arguments, message, capsys):
    assert phonemize(*arguments) == 2
    assert message in capsys.readouterr().err

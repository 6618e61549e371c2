"""Formats to the letter, and a TextGrid read back by another program's reader."""

import json

import pytest
from praatio import textgrid as praat

from inference import Phoneme, Transcript
from inference.formats import FORMATS, ctm, jsonl, named_text, srt, text, textgrid

SAID = Transcript(
    "a clip.wav",
    3.0,
    (
        (Phoneme("tʃ", 0.25, 0.4, 0.9), Phoneme("a", 0.4, 0.55, 0.51234)),
        (Phoneme("n", 1.3, 1.4, 1.0),),
    ),
)
SILENCE = Transcript("silence", 1.5, ())


def test_text_parts_words_by_bars():
    assert text(SAID) == "tʃ a | n\n"
    assert named_text(SAID) == "a clip.wav\ttʃ a | n\n"
    assert text(SILENCE) == "\n"


def test_ctm_has_six_columns():
    assert ctm(SAID) == (
        "a_clip.wav 1 0.250 0.150 tʃ 0.9000\n"
        "a_clip.wav 1 0.400 0.150 a 0.5123\n"
        "a_clip.wav 1 1.300 0.100 n 1.0000\n"
    )
    assert ctm(SILENCE) == ""


def test_json_lines_hold_everything_on_one_line():
    line = jsonl(SAID)
    assert line.count("\n") == 1
    assert "tʃ" in line
    read = json.loads(line)
    assert (read["name"], read["seconds"], read["text"]) == ("a clip.wav", 3.0, "tʃ a | n")
    assert read["words"][0][1] == {"phoneme": "a", "start": 0.4, "end": 0.55, "confidence": 0.5123}


@pytest.mark.parametrize("transcript", [SAID, SILENCE])
def test_a_textgrid_is_read_back_without_gaps(tmp_path, transcript):
    path = tmp_path / "a.TextGrid"
    path.write_text(textgrid(transcript), encoding="utf-8")
    grid = praat.openTextgrid(str(path), includeEmptyIntervals=True, reportingMode="error")
    assert grid.tierNames == ("words", "phonemes")
    for tier in grid.tiers:
        assert tier.entries[0].start == 0
        assert tier.entries[-1].end == pytest.approx(transcript.num_seconds)
        for before, after in zip(tier.entries, tier.entries[1:], strict=False):
            assert before.end == after.start
    said = [
        (entry.label, entry.start, entry.end) for entry in grid.getTier("phonemes").entries if entry.label
    ]
    assert said == [(p.symbol, p.start_seconds, p.end_seconds) for p in transcript.phonemes]
    assert [entry.label for entry in grid.getTier("words").entries if entry.label] == (
        ["tʃa", "n"] if transcript is SAID else []
    )


def test_quotes_are_doubled_in_a_textgrid():
    quoted = Transcript("q", 1.0, ((Phoneme('"', 0.0, 1.0, 1.0),),))
    assert 'text = """"' in textgrid(quoted)


def test_subtitles_break_at_pauses_and_after_five_seconds():
    assert srt(SAID) == ("1\n00:00:00,250 --> 00:00:00,550\ntʃa\n\n2\n00:00:01,300 --> 00:00:01,400\nn\n\n")
    words = tuple((Phoneme("a", float(second), second + 0.9, 1.0),) for second in range(12))
    assert srt(Transcript("long", 12.0, words)).count("-->") == 3
    assert srt(SILENCE) == ""


def test_every_format_writes():
    for form in FORMATS.values():
        assert form.write(SAID)
        assert form.suffix.startswith(".")


def test_a_word_that_no_subtitle_holds_is_parted():
    """A vocabulary without boundaries makes one word of a whole recording."""
    said = [Phoneme("a", 0.5 * place, 0.5 * place + 0.4, 1.0) for place in range(24)]
    late = Phoneme("n", 20.0, 20.1, 1.0)
    lines = srt(Transcript("long", 21.0, ((*said, late),))).split("\n\n")
    assert [line.split("\n")[1] for line in lines if line] == [
        "00:00:00,000 --> 00:00:04,900",
        "00:00:05,000 --> 00:00:09,900",
        "00:00:10,000 --> 00:00:11,900",
        "00:00:20,000 --> 00:00:20,100",
    ]
    assert sum(line.count("a") for line in lines) == 24

"""Formats of scores to the letter, and read back by other programs' readers."""

import csv
import json

import pytest
from praatio import textgrid as praat

from inference.score_formats import SCORE_FORMATS, score_csv, score_jsonl, score_text, score_textgrid
from scoring.pronunciation import Insertion, PronunciationScore, ScoredPhoneme, ScoredWord, joined_scores

NEVER = -float("inf")
SCORE = PronunciationScore(
    "a clip.wav",
    2.0,
    (
        ScoredWord((ScoredPhoneme("ʃ", 0.25, 0.4, -3.5, "s", 3.4, -2.0),)),
        ScoredWord(
            (
                ScoredPhoneme("a", 0.5, 0.75, -0.01, "e", -5.0, NEVER),
                ScoredPhoneme("t", 1.0, 1.5, -2.0, "", 1.9, 1.9),
            )
        ),
    ),
    (
        Insertion(0, "ə", 0.5, 0.0, 0.25),
        Insertion(1, "n", -4.0, 0.4, 0.5),
        Insertion(2, "h", 2.5, 0.75, 1.0),
        Insertion(3, "n", NEVER, 1.5, 2.0),
    ),
    ("the recording is far longer than its text",),
)


def test_text_names_what_was_said_instead():
    assert score_text(SCORE).splitlines() == [
        "a clip.wav: 3 phonemes in 2.00 s, mean gop -1.84",
        "  warning: the recording is far longer than its text",
        "  ʃ                  -3.50        ʃ: s instead (+3.4)",
        "  at                 -1.00        t: left out (+1.9), h inserted (+2.5)",
    ]


def test_insertions_stand_at_both_ends_where_they_are_more_probable_than_a_diagnosis_beside_them():
    gaps = (Insertion(0, "ə", 3.5, 0.0, 0.25), Insertion(3, "n", 2.25, 1.5, 2.0))
    text = score_text(SCORE._replace(insertions=gaps))
    assert "ʃ: s instead (+3.4), ə inserted (+3.5)" in text
    assert "n inserted at the end (+2.2)" in text
    assert '"ə s"' in score_textgrid(SCORE._replace(insertions=gaps))
    less = (gaps[0]._replace(log_ratio=3.3), gaps[1]._replace(log_ratio=1.8))
    assert "inserted" not in score_text(SCORE._replace(insertions=less))


def test_text_shows_probabilities_and_verdicts_where_they_are_known():
    """A verdict decides, not the log ratio."""
    right = SCORE.words[0].phonemes[0]._replace(probability_right=0.8, verdict="right")
    lines = score_text(SCORE._replace(words=(ScoredWord((right,)),), insertions=())).splitlines()
    assert lines[0].endswith("mean gop -3.50, 80 % right")
    assert lines[2].split() == ["ʃ", "-3.50", "80", "%"]


def test_json_lines_hold_everything_and_no_infinite_number():
    line = score_jsonl(SCORE)
    assert line.count("\n") == 1
    assert "Infinity" not in line
    read = json.loads(line)
    assert (read["name"], read["seconds"], read["gop"]) == ("a clip.wav", 2.0, -1.8367)
    assert read["words"][1]["phonemes"][0] == {
        **{"symbol": "a", "start": 0.5, "end": 0.75, "gop": -0.01, "said": "e", "said_log_ratio": -5.0},
        **{"deleted_log_ratio": None, "probability_right": None, "verdict": None, "grade": None},
    }
    assert [one["before"] for one in read["insertions"]] == [0, 1, 2, 3]
    assert read["warnings"] == ["the recording is far longer than its text"]


def test_a_textgrid_has_tiers_of_expected_and_said_phonemes_and_of_scores(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(score_textgrid(SCORE), encoding="utf-8")
    grid = praat.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="error")
    labels = {name: [entry.label for entry in grid.getTier(name).entries] for name in grid.tierNames}
    assert labels == {
        "expected": ["ʃ", "a", "t"],
        "said": ["s", "a h", "∅"],
        "score": ["-3.50", "-0.01", "-2.00"],
    }
    assert [entry.start for entry in grid.getTier("said").entries] == [0.25, 0.5, 1.0]
    assert grid.maxTimestamp == 2.0


def test_csv_has_a_row_for_each_phoneme_and_each_probable_insertion():
    form = SCORE_FORMATS["csv"]
    rows = list(csv.DictReader((form.header + score_csv(SCORE)).splitlines()))
    assert [(row["word"], row["symbol"], row["said"]) for row in rows] == [
        ("1", "ʃ", "s"),
        ("2", "a", "e"),
        ("", "", "h"),
        ("2", "t", ""),
    ]
    assert rows[1]["deleted_log_ratio"] == ""
    assert rows[2]["said_log_ratio"] == "2.5"
    assert {row["name"] for row in rows} == {"a clip.wav"}


def test_parts_of_a_recording_are_joined_in_order():
    joined = joined_scores("b.wav", 9.0, [(5.0, SCORE), (1.0, SCORE)])
    assert [one.start for one in joined.phonemes] == pytest.approx([1.25, 1.5, 2.0, 5.25, 5.5, 6.0])
    assert [one.before for one in joined.insertions] == [0, 1, 2, 3, 3, 4, 5, 6]
    assert joined.insertions[4].start == 5.0
    assert joined.utterance.num_phonemes == 6


def test_what_was_inserted_on_both_sides_of_a_joint_is_kept():
    right = ScoredPhoneme("a", 0.5, 0.75, -0.01, "e", -5.0, NEVER)
    gaps = (Insertion(0, "h", 2.0, 0.0, 0.5), Insertion(1, "n", 3.0, 0.75, 1.0))
    part = PronunciationScore("a.wav", 1.0, (ScoredWord((right,)),), gaps)
    joined = joined_scores("a.wav", 2.0, [(0.0, part), (1.0, part)])
    said = [row.split(",")[8] for row in score_csv(joined).splitlines()]
    assert said == ["h", "e", "n", "h", "e", "n"]
    assert '"h a n h"' in score_textgrid(joined)
    assert score_text(joined).count("inserted") == 4

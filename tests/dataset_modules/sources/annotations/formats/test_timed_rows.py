"""Rows with times: HTK's, in seconds, in samples, of a CTM."""

from pathlib import Path

import pytest

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.formats.timed_rows import read_ctm, read_timed_rows

FILE = Path("a.lab")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["0 5000000 sil", "5000000 20000000 a"], [(0, 0.5, "sil"), (0.5, 2, "a")]),  # HTK, 100 ns
        (["0 0.5 sil", "0.5 2.0 a"], [(0, 0.5, "sil"), (0.5, 2, "a")]),  # seconds
        (["0 1 sil", "1 2 a"], [(0, 1, "sil"), (1, 2, "a")]),  # whole seconds
        (["0 8000 sil", "8000 32000 a"], [(0, 0.5, "sil"), (0.5, 2, "a")]),  # samples at 16 kHz
        (["0 20000000 x-a+b -12.5 word"], [(0, 2, "a")]),  # triphones, scores and words
        (["0 20000000 x^y-a+b=c/A:0"], [(0, 2, "a")]),  # HTS
    ],
)
def test_the_unit_of_rows_follows_from_the_recording(lines, expected):
    (tier,) = read_timed_rows(FILE, lines, seconds=2.0, sampling_rate=16000).tiers
    assert [pytest.approx(label[:2]) for label in tier.labels] == [row[:2] for row in expected]
    assert [label.text for label in tier.labels] == [row[2] for row in expected]


@pytest.mark.parametrize("row", ["0 nan a", "0 inf a", "1 2", "a b c"])
def test_a_row_without_times_is_named(row):
    with pytest.raises(AudioError, match=r"a\.lab: row 2 must be start, end and label"):
        read_timed_rows(FILE, ["0 1 a", row], seconds=2.0, sampling_rate=16000)


def test_a_ctm_has_durations():
    (tier,) = read_ctm(FILE, ["talk 1 0.500 0.250 d 0.9", "talk 1 0.750 0.25 a"]).tiers
    assert [tuple(label[:3]) for label in tier.labels] == [(0.5, 0.75, "d"), (0.75, 1.0, "a")]
    with pytest.raises(AudioError, match="row 1 must be recording, channel, start, duration and label"):
        read_ctm(FILE, ["talk 1 0.5 d"])

"""The text, the width and the colours of the summary in a terminal."""

import io
from collections import Counter

import pytest

from doctor.findings.every_finding import findings_of
from doctor.survey import Batching
from doctor.terminal import survey_summary, wants_colour


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def faulty(survey_of, split_of):
    train = split_of(
        "train",
        30,
        rms=[0.1] * 20 + [0.0] * 10,
        batching=Batching(7, 0.125, 3, 9.5, 4),
        unknown=Counter({"ø": 3}),
        unknown_examples={"ø": ["train-7"]},
    )
    return survey_of(train, max_epochs=2)


def test_the_summary_describes_data_and_findings(faulty):
    text = survey_summary(faulty, findings_of(faulty))
    assert "train     30" in text
    assert "7 of up to 3 clips (9.5 s padded), 12.5% padding; 4 steps per epoch, 8 in all" in text
    assert "FATAL    3 phonemes of 1 kind not in the vocabulary" in text
    assert "warning  10 silent clips" in text
    assert "→ Remove them, or find out why their audio is missing." in text
    assert text.splitlines()[-1] == "Training would fail: 1 fatal, 1 warning."


def test_columns_are_aligned(faulty):
    lines = survey_summary(faulty, []).splitlines()[:4]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize("width", [60, 100])
def test_findings_keep_to_the_width_of_the_terminal(faulty, width):
    findings = [
        finding._replace(title="title", examples=("a/path with words " * 20,))
        for finding in findings_of(faulty)
    ]
    lines = survey_summary(faulty, findings, width=width).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("FATAL"))
    assert max(map(len, lines[start:])) <= width


def test_colours_add_nothing_but_colours(faulty):
    import re

    findings = findings_of(faulty)
    tinted, plain = survey_summary(faulty, findings, colour=True), survey_summary(faulty, findings)
    assert "\x1b[" in tinted
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", tinted) == plain


def test_colours_need_a_terminal_that_allows_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())


def test_the_summary_of_good_data_ends_with_the_verdict(survey_of):
    assert survey_summary(survey_of(), []).endswith("\n\nThe data are ready for training.")

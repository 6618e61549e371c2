"""ELAN's files: aligned, divided and referring annotations; hostile XML is refused."""

from pathlib import Path

import pytest

from dataset_modules.recording import AudioError
from dataset_modules.sources.annotations.contract import TimedLabel
from dataset_modules.sources.annotations.formats.elan import read_elan

# Written by hand after ELAN's format 3.0: a phrase with two words that have no times, phones and a note.
EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <MEDIA_DESCRIPTOR MEDIA_URL="file:///a.wav" MIME_TYPE="audio/x-wav"/>
    </HEADER>
    <TIME_ORDER>
        <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/>
        <TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1000"/>
        <TIME_SLOT TIME_SLOT_ID="ts3"/>
        <TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="2000"/>
    </TIME_ORDER>
    <TIER LINGUISTIC_TYPE_REF="utterance" PARTICIPANT="Anna" TIER_ID="tx@A">
        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts4">
            <ANNOTATION_VALUE>да &amp; нет</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="phone" PARENT_REF="tx@A" PARTICIPANT="Anna" TIER_ID="ph@A">
        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a4" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
            <ANNOTATION_VALUE>n</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
        <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
            <ANNOTATION_VALUE>d</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="word" PARENT_REF="tx@A" TIER_ID="wd@A">
        <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a5" ANNOTATION_REF="a1">
            <ANNOTATION_VALUE>да</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
        <ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a6" ANNOTATION_REF="a1" PREVIOUS_ANNOTATION="a5">
            <ANNOTATION_VALUE>нет</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
    </TIER>
</ANNOTATION_DOCUMENT>
"""
BOMB = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<ANNOTATION_DOCUMENT><TIER TIER_ID="&b;"/></ANNOTATION_DOCUMENT>"""


def written(tmp_path: Path, content: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "a.eaf"
    path.write_bytes(content.encode(encoding))
    return path


def test_tiers_have_times_speakers_types_and_parents(tmp_path):
    utterances, phones, words = read_elan(written(tmp_path, EAF)).tiers
    assert (utterances.name, utterances.speaker, utterances.linguistic_type) == ("tx@A", "Anna", "utterance")
    assert utterances.labels == (TimedLabel(0.5, 2.0, "да & нет"),)
    assert phones.parent == "tx@A"
    # A slot without a time lies half-way between its neighbours; labels come in the order of their times.
    assert phones.labels == (TimedLabel(1.0, 1.5, "d"), TimedLabel(1.5, 2.0, "n"))
    # Annotations that only refer to their parent share its time.
    assert words.labels == (TimedLabel(0.5, 1.25, "да"), TimedLabel(1.25, 2.0, "нет"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must be an ELAN file"),
        (EAF[:400], "must be an ELAN file"),
        ("<html/>", "has no ANNOTATION_DOCUMENT"),
        (BOMB, "must not declare entities"),
        (BOMB.replace('"ha"', 'SYSTEM "file:///etc/passwd"'), "must not declare entities"),
        (EAF.replace('"500"', '"NaN"'), "must be whole milliseconds, got 'NaN'"),
        (EAF.replace('"500"', '"' + "9" * 5000 + '"'), "must be whole milliseconds"),
        (EAF.replace('TIER_ID="tx@A"', 'TIER_ID="tx@A" PARENT_REF="ph@A"'), "is its own parent"),
    ],
)
def test_damaged_and_hostile_files_are_one_line_that_names_the_file(tmp_path, content, message):
    with pytest.raises(AudioError, match=rf"a\.eaf: .*{message}") as error:
        read_elan(written(tmp_path, content))
    assert "\n" not in str(error.value)

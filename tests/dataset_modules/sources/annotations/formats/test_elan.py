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


MEDIA = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///a.wav" MIME_TYPE="audio/x-wav"/>'
TWO_MEDIA = MEDIA.replace("a.wav", "b.wav") + MEDIA.replace("a.wav", 'c.wav" TIME_ORIGIN="9')


@pytest.mark.parametrize(
    ("media", "start"),
    [
        ([("file:///C:\\films\\a.wav", "1500")], 2.0),
        ([("file:///other.wav", "-500")], 0.0),  # a renamed recording
        ([("file:///film.mp4", "9000"), ("file:///a%2Ewav", "250")], 0.75),
    ],
)
def test_the_times_of_a_shifted_recording_are_its_own(tmp_path, media, start):
    written_media = "".join(
        f'<MEDIA_DESCRIPTOR MEDIA_URL="{url}" MIME_TYPE="" TIME_ORIGIN="{origin}"/>' for url, origin in media
    )
    utterances, *_ = read_elan(written(tmp_path, EAF.replace(MEDIA, written_media))).tiers
    assert utterances.labels == (TimedLabel(start, start + 1.5, "да & нет"),)


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
        (EAF.replace(MEDIA, TWO_MEDIA), "its media begin at different times"),
        (EAF.replace('TIER_ID="tx@A"', 'TIER_ID="tx@A" PARENT_REF="ph@A"'), "is its own parent"),
    ],
)
def test_damaged_and_hostile_files_are_one_line_that_names_the_file(tmp_path, content, message):
    with pytest.raises(AudioError, match=rf"a\.eaf: .*{message}") as error:
        read_elan(written(tmp_path, content))
    assert "\n" not in str(error.value)


def timed(slots: str, **tiers: str) -> str:
    """An ELAN file of slots such as ``a=0 b c=900``, and of tiers of ``text:slot-slot``."""
    order = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{name}"' + (f' TIME_VALUE="{time}"/>' if time else "/>")
        for name, _, time in (slot.partition("=") for slot in slots.split())
    )
    return f"<ANNOTATION_DOCUMENT><TIME_ORDER>{order}</TIME_ORDER>{_tiers(tiers)}</ANNOTATION_DOCUMENT>"


def _tiers(tiers: dict[str, str]) -> str:
    content = ""
    for tier, annotations in tiers.items():
        content += f'<TIER TIER_ID="{tier}" LINGUISTIC_TYPE_REF="x">'
        for text, _, slots in (annotation.partition(":") for annotation in annotations.split()):
            first, _, last = slots.partition("-")
            content += (
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{tier}{text}" TIME_SLOT_REF1="{first}" '
                f'TIME_SLOT_REF2="{last}"><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>'
                "</ALIGNABLE_ANNOTATION></ANNOTATION>"
            )
        content += "</TIER>"
    return content


def test_slots_without_times_are_placed_within_their_tier_whatever_other_tiers_have(tmp_path):
    # Both tiers divide the same 900 ms: one into three, the other into two.
    content = timed("a=0 b c d e=900", phones="x:a-b y:b-d z:d-e", words="one:a-c two:c-e")
    phones, words = read_elan(written(tmp_path, content)).tiers
    assert phones.labels == (TimedLabel(0, 0.3, "x"), TimedLabel(0.3, 0.6, "y"), TimedLabel(0.6, 0.9, "z"))
    assert words.labels == (TimedLabel(0, 0.45, "one"), TimedLabel(0.45, 0.9, "two"))


def test_annotations_behind_the_last_time_stay_with_a_fault(tmp_path):
    content = timed("a=0 b=500 c d", phones="x:a-b y:b-c z:c-d w:c-nowhere")
    (phones,) = read_elan(written(tmp_path, content)).tiers
    assert [(label.text, label.fault is None) for label in phones.labels] == [
        *(("x", True), ("y", False)),
        *(("z", False), ("w", False)),
    ]
    assert {label.fault for label in phones.labels[1:]} == {"its label file states no time for it"}


def test_an_annotation_whose_parent_is_not_there_stays_with_a_fault(tmp_path):
    content = EAF.replace('ANNOTATION_REF="a1" PREVIOUS', 'ANNOTATION_REF="a99" PREVIOUS')
    words = read_elan(written(tmp_path, content)).tiers[2]
    assert [(label.text, label.fault is None) for label in words.labels] == [("да", True), ("нет", False)]

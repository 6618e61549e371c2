from pathlib import Path

from dataset_modules.recording import Recording
from dataset_modules.sources.recording_survey import StatedRecordings, survey

ONE, TWO = Recording("1", Path("gone.wav")), Recording("2", Path("gone.wav"), language="de")


def test_a_language_is_filled_in_where_none_is_stated() -> None:
    stated = StatedRecordings(lambda: [ONE, TWO], "ru")
    assert [recording.language for recording in stated] == ["ru", "de"]


def test_every_pass_asks_anew() -> None:
    stated = StatedRecordings(lambda: iter([ONE, TWO]), None)
    assert list(stated) == list(stated) == [ONE, TWO]


def test_a_survey_counts_and_tells_recordings_apart() -> None:
    assert survey(iter([ONE, TWO])) == survey([ONE, TWO])
    assert survey([ONE, TWO]).num_recordings == 2
    digests = {survey(recordings).digest for recordings in ([], [ONE], [TWO], [ONE, TWO], [TWO, ONE])}
    assert len(digests) == 5


def test_a_name_that_no_file_can_have_is_surveyed() -> None:
    assert survey([Recording("1", Path("a\0.wav"))]).num_recordings == 1


def test_a_survey_finds_the_languages_of_texts_that_need_phonemes() -> None:
    texts = [
        ONE._replace(text="да"),
        TWO._replace(text="ja"),
        ONE._replace(text="x", phonemes=("x",), language="en"),
    ]
    assert survey(texts).languages_of_texts == {None, "de"}

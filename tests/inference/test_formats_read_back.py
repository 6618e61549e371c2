"""What is written as a transcript is read as a label: the same phonemes, words and times."""

import numpy as np
import pytest
import soundfile

from dataset_modules.custom import CustomAudioDataset
from dataset_modules.sources.annotations.formats.elan import read_elan
from dataset_modules.sources.annotations.formats.textgrid import read_textgrid
from dataset_modules.sources.annotations.formats.timed_rows import read_ctm, read_timed_rows
from dataset_modules.sources.annotations.formats.transcript_lines import read_transcript_lines
from inference import Phoneme, Transcript
from inference.formats import FORMATS

SAID = Transcript(
    "a.wav",
    3.0,
    (
        (Phoneme("tʃ", 0.25, 0.4, 0.9), Phoneme("ɑ", 0.4, 0.555, 0.51234)),
        (Phoneme("n", 1.3, 1.4, 1.0), Phoneme('"', 1.4, 2.5, 1.0), Phoneme("<&>", 2.5, 2.625, 1.0)),
    ),
)
READERS = {
    "textgrid": lambda path: read_textgrid(path).tiers[-1],
    "eaf": lambda path: read_elan(path).tiers[-1],
    "jsonl": lambda path: read_transcript_lines(path).tiers[-1],
    "ctm": lambda path: read_ctm(path, path.read_text(encoding="utf-8").splitlines()).tiers[0],
    "lab": lambda path: read_timed_rows(
        path, path.read_text(encoding="utf-8").splitlines(), 3.0, 16000
    ).tiers[0],
}


@pytest.mark.parametrize("form", READERS)
def test_phonemes_and_times_are_the_same(tmp_path, form):
    path = tmp_path / f"a{FORMATS[form].suffix}"
    path.write_text(FORMATS[form].write(SAID), encoding="utf-8")
    labels = [label for label in READERS[form](path).labels if label.text]
    assert [label.text for label in labels] == [phoneme.symbol for phoneme in SAID.phonemes]
    for label, phoneme in zip(labels, SAID.phonemes, strict=True):
        expected = (phoneme.start_seconds, phoneme.end_seconds)
        assert (label.start, label.end) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        *((form, ("tʃ", "ɑ", "|", "n", '"', "<&>")) for form in ("textgrid", "eaf", "jsonl")),
        *((form, ("tʃ", "ɑ", "n", '"', "<&>")) for form in ("ctm", "lab")),
        ("text", ("tʃ", "ɑ", "|", "n", '"', "<&>")),
    ],
)
def test_a_data_set_takes_transcripts_beside_the_audio_as_labels(tmp_path, form, expected):
    soundfile.write(tmp_path / "a.wav", np.full(48000, 0.1), 16000)
    (tmp_path / f"a{FORMATS[form].suffix}").write_text(FORMATS[form].write(SAID), encoding="utf-8")
    dataset = CustomAudioDataset("ru", tmp_path, validation_split=0.0, label_kind="phonemes")
    dataset.load_data()
    (recording,) = dataset.get_train_data()
    assert (recording.id, recording.phonemes) == ("a.wav", expected)


def test_transcripts_as_texts_are_a_question_rather_than_words(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(48000, 0.1), 16000)
    (tmp_path / "a.txt").write_text("tʃ ɑ | n e ɲ ɑ\n", encoding="utf-8")
    with pytest.raises(ValueError, match="label_kind must be given"):
        CustomAudioDataset("it", tmp_path).load_data()

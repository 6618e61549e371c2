"""Answers are what ``transcribe`` and ``score`` find in the same samples."""

import base64
import io
import json
import tracemalloc

import numpy as np
import pytest
import soundfile
from PIL import Image

from inference.formats import jsonl
from tests.inference.tiny_models import speech
from webpage.answers import MOST_SECONDS, Answers, Question, QuestionError, UnreadableError, _decoded


def wav(seconds=2.0, seed=0, rate=16000, channels=1):
    stream = io.BytesIO()
    samples = np.repeat(speech(seconds, seed)[:, None], channels, axis=1)
    soundfile.write(stream, samples, rate, format="WAV", subtype="FLOAT")
    return stream.getvalue()


@pytest.mark.parametrize("rate", [16000, 44100])
def test_phonemes_are_those_of_the_recogniser(models, rate):
    answer = Answers(models)(Question(wav(rate=rate), "first"))
    transcript = models["first"].recognizer(speech(2.0), rate)
    assert answer["transcript"] == json.loads(jsonl(transcript._replace(name="recording")))
    assert len(transcript.phonemes) > 3
    assert answer["score"] == {}


def test_scores_are_those_of_the_recogniser(models, dictionary):
    answer = Answers(models)(Question(wav(), "second", "ru", "Нет, да!"))
    score = models["second"].recognizer.score(
        speech(2.0), 16000, "нет да", language="ru", text_to_phonemes=dictionary
    )
    cells = [cell for word in answer["score"]["words"] for cell in word if cell["kind"] != "added"]
    shown = [(cell["above"], cell["start"], cell["end"], pytest.approx(cell["goodness"])) for cell in cells]
    assert shown == [(one.symbol, one.start, one.end, np.exp(one.gop)) for one in score.phonemes]
    said = [one.symbol if not one.is_doubtful else one.said or "∅" for one in score.phonemes]
    assert [cell["below"] for cell in cells] == said
    assert answer["score"]["gop"] == score.utterance.gop


def test_what_cannot_be_scored_is_described_beside_the_phonemes(models):
    answer = Answers(models)(Question(wav(), "first", "ru", "qqq"))
    assert "vocabulary" in answer["score"]["fault"]
    assert answer["score"]["fault"][0].isupper()
    assert answer["transcript"]["words"]


def test_sound_and_picture_are_of_the_recording(models):
    answer = Answers(models)(Question(wav(1.5, rate=48000, channels=2), "first"))
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(answer["sound"])))
    assert (len(samples), rate) == (12000, 24000)
    assert Image.open(io.BytesIO(base64.b64decode(answer["picture"]))).size[0] == pytest.approx(50, abs=2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be decoded"),
        (b"RIFF" + bytes(range(200)), "cannot be decoded"),
    ],
    ids=["empty", "noise"],
)
def test_files_of_no_use_are_refused(models, content, said):
    with pytest.raises(UnreadableError, match=said) as refusal:
        Answers(models)(Question(content, "first"))
    assert "BytesIO" not in str(refusal.value)


def test_long_recordings_are_refused_as_such(models):
    with pytest.raises(QuestionError, match="must last 120 seconds at most") as refusal:
        Answers(models)(Question(wav(MOST_SECONDS + 1), "first"))
    assert not isinstance(refusal.value, UnreadableError)  # which a browser would convert


def test_channels_of_a_small_file_do_not_fill_the_memory(models):
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros((20 * 96_000, 8), dtype=np.int16), 96_000, format="FLAC")
    assert len(stream.getvalue()) < 100_000
    tracemalloc.start()
    try:
        clip = _decoded(stream.getvalue())
        assert tracemalloc.get_traced_memory()[1] < 2.5 * clip.waveform.nbytes + 2**23
    finally:
        tracemalloc.stop()
    assert clip.waveform.shape == (20 * 96_000,)


def test_an_unknown_model_and_a_long_sentence_are_refused(models):
    with pytest.raises(QuestionError, match="one of first, second"):
        Answers(models)(Question(wav(), "/etc/passwd"))
    with pytest.raises(QuestionError, match="characters"):
        Answers(models)(Question(wav(), "first", "ru", "а" * 1001))

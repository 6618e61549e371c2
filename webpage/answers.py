"""What the page shows of a recording: phonemes, scores against a sentence, a spectrogram and the sound."""

import base64
import io
import json
import threading
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from torch import Tensor

from dataset_modules.recording import AudioError, Clip
from dataset_modules.sources.audio import opened, resample, to_mono, to_pcm16
from inference.formats import jsonl
from inference.recognizer import Recognizer
from inference.streaming.audio_stream import AudioSamples
from phonetics.text_to_phonemes.spoken_text import LanguageNeededError, SpokenText
from reports.pictures import spectrogram_png
from reports.pronunciation_page import cells_of_words
from scoring.pronunciation import PronunciationScore
from scoring.scorer import PronunciationScorer

MOST_SECONDS = 120.0  # of a recording
MOST_CHARACTERS = 1000  # of a sentence
_COLUMNS_PER_SECOND = 100  # of a spectrogram
_HIGHEST_PLAYED = 24_000  # samples per second


class OfferedModel(NamedTuple):
    """A model that the page offers."""

    recognizer: Recognizer
    scorer: PronunciationScorer
    text_to_phonemes: str
    languages: Mapping[str, str]  # of sentences: codes and their names


class Question(NamedTuple):
    """A recording as its file's bytes, and what should be said in it, where that is known."""

    content: bytes
    model: str
    language: str = ""
    text: str = ""


class QuestionError(ValueError):
    """Names why a question cannot be answered."""


class UnreadableError(QuestionError):
    """Names why a recording cannot be decoded; a browser may know more formats."""


class Answers:
    """Answers questions; one recording at a time is processed, as torch takes all processors for it."""

    def __init__(self, models: Mapping[str, OfferedModel]) -> None:
        self._models = models
        self._lock = threading.Lock()

    def offer(self) -> dict[str, object]:
        """Describe what can be asked: the models with their languages, and the limits."""
        models = {name: dict(model.languages) for name, model in self._models.items()}
        return {"models": models, "seconds": MOST_SECONDS, "characters": MOST_CHARACTERS}

    def __call__(self, question: Question) -> dict[str, object]:
        """Return the answer as JSON holds it; raise ``ValueError`` where there is none."""
        model = self._models.get(question.model)
        if model is None:
            raise QuestionError(f"The model must be one of {', '.join(self._models)}.")
        if len(question.text) > MOST_CHARACTERS:
            raise QuestionError(f"The sentence must have {MOST_CHARACTERS} characters at most.")
        with self._lock:
            clip = _decoded(question.content)
            stream = AudioSamples(clip.waveform, clip.sampling_rate, "recording")
            transcript, frames = model.recognizer.transcribe_with_scores(stream)
            scored = _scored(model, question, frames, transcript.num_seconds) if question.text.strip() else {}
            return {**_media(clip), "transcript": json.loads(jsonl(transcript)), "score": scored}


def _decoded(content: bytes) -> Clip:
    """Decode a recording to mono, block by block: a small file may hold gigabytes in many channels."""
    blocks: list[NDArray[np.float32]] = []
    try:
        with opened(io.BytesIO(content), "") as audio:
            frames_left = MOST_SECONDS * audio.sampling_rate
            for block in audio.blocks():
                blocks.append(to_mono(block))
                frames_left -= len(block)
                if frames_left < 0:
                    break
            else:
                return Clip(np.concatenate(blocks), audio.sampling_rate)
        raise QuestionError(f"The recording must last {MOST_SECONDS:.0f} seconds at most.")
    except AudioError as error:
        raise UnreadableError(f"The recording {str(error).rstrip('.')}.") from error


def _scored(model: OfferedModel, question: Question, frames: Tensor, num_seconds: float) -> dict[str, object]:
    """Score the sentence; what cannot be scored is described, as the recognised phonemes are shown anyway."""
    try:
        phonemes = SpokenText(model.text_to_phonemes, question.language or None)(question.text)
        score = model.scorer(frames, phonemes, num_seconds, "recording")
    except LanguageNeededError:
        return {"fault": "Choose the language of the sentence."}
    except ValueError as error:  # of the text, of the vocabulary, of a score
        return {"fault": sentence_of(error)}
    return _described(score)


def sentence_of(error: Exception) -> str:
    """Return the reason as a sentence for the page.

    >>> sentence_of(AudioError("recording: must last 0.025 s at least, it lasts 0.001 s"))
    'The recording must last 0.025 s at least, it lasts 0.001 s.'
    """
    reason = str(error).removeprefix("score: ").replace("recording: must ", "the recording must ", 1)
    reason = reason.removeprefix("recording: ").rstrip(".")
    return f"{reason[:1].upper()}{reason[1:]}."


def _described(score: PronunciationScore) -> dict[str, object]:
    whole = score.utterance
    return {
        "words": [[cell._asdict() for cell in word] for word in cells_of_words(score)],
        "gop": whole.gop,
        "probability_right": whole.probability_right,
        "warnings": score.warnings,
    }


def _media(clip: Clip) -> dict[str, str]:
    """Return the spectrogram and the sound, both in base64."""
    columns = max(1, round(_COLUMNS_PER_SECOND * len(clip.waveform) / clip.sampling_rate))
    picture = spectrogram_png(clip.waveform, clip.sampling_rate, columns)
    return {"picture": _base64(picture), "sound": _base64(_wav(clip.waveform, clip.sampling_rate))}


def _wav(mono: NDArray[np.float32], sampling_rate: int) -> bytes:
    rate = min(sampling_rate, _HIGHEST_PLAYED)
    stream = io.BytesIO()
    soundfile.write(stream, to_pcm16(resample(mono, sampling_rate, rate)), rate, format="WAV")
    return stream.getvalue()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")

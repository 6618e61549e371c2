"""``Recognizer.score``: from samples and a text to scores."""

import numpy as np
import pytest
import torch

from dataset_modules.recording import AudioError
from inference import Recognizer
from inference.acoustic_model import AcousticModel
from inference.streaming.audio_stream import AudioSamples
from phonetics import Vocabulary, VocabularyError
from phonetics.text_to_phonemes.spoken_text import LanguageNeededError
from scoring.evidence import place_evidence
from tests.inference.tiny_models import VOCABULARY, speech


def test_scores_are_those_of_the_frames_at_any_rate(recognizer_of):
    recognizer, waveform = recognizer_of(), speech(3.0)
    score = recognizer.score(waveform, 16000, phonemes=["a", "n", "|", "oː"], name="one")
    frames = recognizer.scores(AudioSamples(waveform, 16000))
    evidence = place_evidence(frames, VOCABULARY.encode(["a", "n", "|", "oː"]), VOCABULARY.blank_id)
    phonemes = [VOCABULARY.ids[name] for name in VOCABULARY.phonemes]
    total = torch.cat([evidence.replaced[:, phonemes], evidence.deleted[:, None]], 1).logsumexp(1)
    expected = (evidence.log_prob - total)[[0, 1, 3]].tolist()
    assert [one.gop for one in score.phonemes] == pytest.approx(expected, abs=1e-6)
    assert [word.text for word in score.words] == ["an", "oː"]
    assert (score.name, score.num_seconds) == ("one", 3.0)
    higher = recognizer.score(np.repeat(waveform, 2), 32000, phonemes=["a", "n"])
    assert higher.num_seconds == pytest.approx(3.0)


def test_times_are_those_of_align(recognizer_of):
    said = ["a", "n", "|", "oː"]
    score = recognizer_of().score(speech(3.0), 16000, phonemes=said)
    aligned = recognizer_of().align(speech(3.0), 16000, said)
    for one, other in zip(score.phonemes, aligned.phonemes, strict=True):
        assert (one.symbol, one.start, one.end) == tuple(other[:3])


def test_long_recordings_are_scored_from_windows(recognizer_of):
    network = {"num_hidden_layers": 0}
    one = recognizer_of(network=network).score(speech(12.0), 16000, phonemes=["a", "n", "a"])
    windows = recognizer_of(network=network, one_pass_seconds=0.0, window_seconds=4.0, overlap_seconds=2.0)
    other = windows.score(speech(12.0), 16000, phonemes=["a", "n", "a"])
    assert [p.gop for p in other.phonemes] == pytest.approx([p.gop for p in one.phonemes], abs=0.02)


def test_a_text_becomes_the_phonemes_of_its_language(model_of):
    model = model_of("Wav2Vec2 layer")
    vocabulary = Vocabulary(("[PAD]", "|", "d", "ɑ", "nʲ", "e", "t", "n"))
    recognizer = Recognizer(AcousticModel(model.network, vocabulary, model.audio_params))
    score = recognizer.score(speech(3.0), 16000, "да нет", language="ru")
    assert [word.text for word in score.words] == ["dɑ", "nʲet"]
    with pytest.raises(LanguageNeededError, match="needs a language"):
        recognizer.score(speech(3.0), 16000, "да нет")
    with pytest.raises(VocabularyError, match=r"p \(nearest: t\)"):
        recognizer.score(speech(3.0), 16000, "па", language="ru")


def test_a_text_and_phonemes_exclude_each_other(recognizer_of):
    for arguments in ({}, {"text": "a", "phonemes": ["a"]}):
        with pytest.raises(ValueError, match="one of both"):
            recognizer_of().score(speech(1.0), 16000, **arguments)


def test_samples_that_are_no_numbers_and_silence_are_refused(recognizer_of):
    broken = speech(1.0)
    broken[5] = np.nan
    with pytest.raises(AudioError, match="NaN"):
        recognizer_of().score(broken, 16000, phonemes=["a"])
    with pytest.raises(ValueError, match="no phoneme is recognised"):
        recognizer_of().score(np.zeros(16000, np.float32), 16000, phonemes=["a"])


def test_candidates_are_limited(recognizer_of):
    free = recognizer_of().score(speech(3.0), 16000, phonemes=["a", "n"])
    bound = recognizer_of().score(speech(3.0), 16000, phonemes=["a", "n"], candidates={"a": "oː"})
    assert bound.phonemes[1].said == ""
    assert all(one.gop >= other.gop for one, other in zip(bound.phonemes, free.phonemes, strict=True))

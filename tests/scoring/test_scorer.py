"""From frames to the scores of phonemes, words and gaps."""

import math

import pytest
import torch

from models.network.frames import FrameClock
from phonetics import Vocabulary
from scoring.evidence import ScoreError
from scoring.scorer import PronunciationScorer

TOKENS = ("[PAD]", "|", "a", "b", "c")
CLOCK = FrameClock(stride=320, receptive_field=400, centre=200.0, sampling_rate=16000)


def _scored(frames, expected, tokens=TOKENS, **options):
    """Frames in each of which one token has most of the probability; a dot is the blank."""
    log_probs = torch.full((len(frames), len(tokens)), 0.1 / (len(tokens) - 1))
    for row, token in enumerate(frames):
        log_probs[row, tokens.index(token) if token != "." else 0] = 0.9
    scorer = PronunciationScorer(Vocabulary(tokens), CLOCK, **options)
    return scorer(log_probs.log(), expected.split(), len(frames) * 0.02, "one")


def test_words_hold_their_phonemes_with_times_in_order():
    score = _scored(".a.b.|.c..a.", "a b | c a")
    assert [word.text for word in score.words] == ["ab", "ca"]
    times = [time for phoneme in score.phonemes for time in (phoneme.start, phoneme.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= score.num_seconds
    assert (score.words[1].start, score.words[1].end) == (score.phonemes[2].start, times[-1])


@pytest.mark.parametrize("tokens", [TOKENS, ("[PAD]", "a", "b", "c")])
def test_words_are_known_with_and_without_a_boundary_token(tokens):
    frames = ".a.b...c..a." if "|" not in tokens else ".a.b.|.c..a."
    assert [word.text for word in _scored(frames, "a b | c a", tokens).words] == ["ab", "ca"]


def test_scores_of_words_and_of_the_utterance_are_means():
    score = _scored(".a.b.|.c..a.", "a b | a a")
    gops = [phoneme.gop for phoneme in score.phonemes]
    assert score.words[1].gop == pytest.approx(sum(gops[2:]) / 2)
    assert score.utterance.gop == pytest.approx(sum(gops) / 4)
    assert score.phonemes[2].said == "c"
    assert (score.phonemes[0].verdict, score.words[0].probability_right) == (None, None)


def test_every_gap_between_phonemes_has_one_insertion():
    score = _scored(".a.c.|.b.", "a | b")
    assert [one.before for one in score.insertions] == [0, 1, 2]
    assert score.insertions[1].symbol == "c"
    assert (
        score.insertions[1].log_ratio > 1 > max(score.insertions[0].log_ratio, score.insertions[2].log_ratio)
    )
    assert score.insertions[1].start == score.phonemes[0].end
    assert score.insertions[2].end == score.num_seconds


def test_silence_is_refused():
    with pytest.raises(ScoreError, match="no phoneme is recognised"):
        _scored("......", "a b")


def test_too_few_frames_are_refused():
    with pytest.raises(ScoreError, match="4 labels need 4 frames"):
        _scored("ab.", "a b c a")


def test_phonemes_without_any_probability_are_refused():
    frames = torch.tensor([[0.1, 0.9, 0.0]] * 4).log()
    with pytest.raises(ScoreError, match="gives them none"):
        PronunciationScorer(Vocabulary(("[PAD]", "a", "b")), CLOCK)(frames, ["a", "b"], 0.1)


def test_a_recording_that_hardly_fits_its_text_has_a_warning():
    assert _scored(".a.b.", "a b").warnings == ()
    (longer,) = _scored(".a.b.c.a.b.c.a.b.", "a").warnings
    assert "far longer" in longer
    (shorter,) = _scored(".a..........................", "a b c a b c a b").warnings
    assert "far shorter" in shorter
    (bounded,) = _scored(".a|b|c|a|b|c.", "a").warnings
    assert "1 sounds expected, 6 recognised" in bounded
    assert all(math.isfinite(one.gop) for one in _scored(".a.b.c.a.b.c.a.b.", "a").phonemes)

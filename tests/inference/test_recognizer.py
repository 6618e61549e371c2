"""Recordings → transcripts: windows agree with one pass, batches with one by one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from dataset_modules.recording import AudioError
from inference import Failure, Recognizer
from inference.acoustic_model import AcousticModel
from inference.streaming.audio_stream import AudioFile, AudioSamples
from inference.streaming.window_reader import _stretches
from models import PhonemeRecognizer
from phonetics import Vocabulary, VocabularyError
from tests.inference.tiny_models import FAMILIES, TRANSFORMER, speech

NO_ATTENTION = {"num_hidden_layers": 0}  # the context of such a network ends with its convolutions
ROOT = Path(__file__).parents[2]


def _symbols(transcript):
    return [phoneme.symbol for phoneme in transcript.phonemes]


@pytest.mark.parametrize("family", ["Wav2Vec2 layer", "Hubert", "WavLM", "Wav2Vec2Bert"])
def test_windows_say_what_one_pass_says(recognizer_of, family):
    waveform = speech(30.0)
    whole = recognizer_of(family, NO_ATTENTION)(waveform, 16000)
    windows = recognizer_of(
        family, NO_ATTENTION, one_pass_seconds=0.0, window_seconds=4.0, overlap_seconds=2.0
    )(waveform, 16000)
    assert len(_symbols(whole)) > 50
    assert _symbols(windows) == _symbols(whole)
    for one, other in zip(windows.phonemes, whole.phonemes, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_pass_scores_are_the_training_models(recognizer_of, family, vocab_file):
    recognizer = recognizer_of(family)
    name, overrides = FAMILIES[family]
    module = PhonemeRecognizer(vocab_file, network_name=name, network_config=overrides)
    module.configure_model()
    module.network.load_state_dict(recognizer.model.network.state_dict())
    waveforms = [torch.from_numpy(speech(seconds, seed)) for seed, seconds in enumerate((2.0, 3.3))]
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    with torch.no_grad():
        expected, frames = module.eval()(torch.nn.utils.rnn.pad_sequence(waveforms, True), lengths)
    for waveform, scores, count in zip(waveforms, expected, frames, strict=True):
        own = recognizer.scores(AudioSamples(waveform.numpy(), 16000))
        torch.testing.assert_close(own, scores[:count], atol=2e-4, rtol=0)


@pytest.mark.parametrize("family", ["Wav2Vec2 group", "Wav2Vec2Bert"])
def test_batches_say_what_one_by_one_says_in_the_order_given(recognizer_of, family):
    recordings = [AudioSamples(speech(1.0 + seed % 3, seed), 16000, str(seed)) for seed in range(7)]
    together = list(recognizer_of(family, batch_seconds=8.0).transcribe(recordings))
    assert [transcript.name for transcript in together] == [str(seed) for seed in range(7)]
    for transcript, recording in zip(together, recordings, strict=True):
        alone = recognizer_of(family)(recording.samples, 16000)
        assert _symbols(transcript) == _symbols(alone)


def test_a_file_is_heard_as_its_samples_at_any_rate_and_number_of_channels(recognizer_of, tmp_path):
    waveform = speech(5.0)
    soundfile.write(tmp_path / "a.wav", np.stack([waveform, waveform], axis=1), 16000, subtype="FLOAT")
    recognizer = recognizer_of(one_pass_seconds=0.0, window_seconds=2.0, overlap_seconds=1.0)
    (from_file,) = recognizer.transcribe([AudioFile(tmp_path / "a.wav", "a")])
    assert from_file.phonemes == recognizer(waveform, 16000).phonemes
    assert from_file.num_seconds == 5.0
    higher = recognizer(np.repeat(waveform, 3), 48000)
    assert higher.num_seconds == pytest.approx(5.0, abs=1e-3)


def test_times_are_in_order_and_inside_the_recording(recognizer_of):
    transcript = recognizer_of()(speech(6.0), 16000)
    times = [time for phoneme in transcript.phonemes for time in phoneme[1:3]]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= transcript.num_seconds
    assert all(0 < phoneme.confidence <= 1 for phoneme in transcript.phonemes)


def test_what_was_heard_is_aligned_where_it_was_heard(recognizer_of):
    recognizer, waveform = recognizer_of(), speech(4.0)
    recognised = recognizer(waveform, 16000)
    tokens = recognizer.decode(recognizer.scores(AudioSamples(waveform, 16000)), ())
    said = [recognizer.model.vocabulary.tokens[token.token_id] for token in tokens]
    aligned = recognizer.align(waveform, 16000, said)
    assert aligned.text == recognised.text
    for one, other in zip(aligned.phonemes, recognised.phonemes, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=1e-4)


@pytest.mark.parametrize(
    ("said", "aligned"),
    [
        ("a n | n a", "a n | n a"),
        ("a n n a | a", "a nː a | a"),
        ("a tʃː a | a", "a tʃ tʃ a | a"),
    ],
)
def test_long_consonants_stay_inside_words_where_the_vocabulary_has_no_boundary(model_of, said, aligned):
    model = model_of("Wav2Vec2 layer")
    vocabulary = Vocabulary(("[PAD]", "[UNK]", "nː", "a", "tʃ", "n", "oː", "ɡ"))
    recognizer = Recognizer(AcousticModel(model.network, vocabulary, model.audio_params))
    assert recognizer.align(speech(3.0), 16000, said.split()).text == aligned


def test_other_phonemes_than_the_vocabularys_cannot_be_aligned(recognizer_of):
    with pytest.raises(VocabularyError, match="xyz"):
        recognizer_of().align(speech(1.0), 16000, ["xyz"])


def test_words_end_where_the_boundary_is_said(recognizer_of):
    transcript = recognizer_of()(speech(6.0), 16000)
    assert transcript.text == " | ".join(" ".join(p.symbol for p in word) for word in transcript.words)
    assert len(transcript.words) > 1
    assert "|" not in _symbols(transcript)


def test_a_bad_recording_does_not_end_the_rest(recognizer_of, tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"not audio at all")
    broken = speech(1.0)
    broken[100] = np.nan
    results = list(
        recognizer_of().transcribe(
            [
                AudioFile(tmp_path / "noise.wav", "noise.wav"),
                AudioSamples(speech(1.0), 16000, "good"),
                AudioSamples(broken, 16000, "nan"),
                AudioSamples(np.zeros(40, dtype=np.float32), 16000, "short"),
            ]
        )
    )
    assert [type(result) is Failure for result in results] == [True, False, True, True]
    assert "cannot be decoded" in results[0].reason
    assert "must be a number" in results[2].reason
    assert "must last" in results[3].reason
    with pytest.raises(AudioError, match="must last"):
        recognizer_of()(np.zeros(3, dtype=np.float32), 16000)


def test_progress_adds_up_to_the_audio(recognizer_of):
    recognised = []
    recognizer = recognizer_of(one_pass_seconds=3.0, window_seconds=3.0, overlap_seconds=1.0)
    recordings = [AudioSamples(speech(seconds), 16000) for seconds in (1.0, 11.3)]
    list(recognizer.transcribe(recordings, recognised.append))
    assert sum(recognised) == pytest.approx(12.3, abs=1e-3)


def test_windows_must_be_longer_than_their_overlap(recognizer_of):
    with pytest.raises(ValueError, match="window_seconds must be more than overlap_seconds"):
        recognizer_of(window_seconds=2.0, overlap_seconds=2.0)


def test_a_checkpoint_needs_nothing_beside_it(vocab_file, tmp_path):
    torch.manual_seed(0)
    network = FAMILIES["Wav2Vec2Bert"][1] | TRANSFORMER
    module = PhonemeRecognizer(vocab_file, network_name="Wav2Vec2Bert", network_config=network)
    module.configure_model()
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "model.ckpt")
    vocab_file.unlink()
    recognizer = Recognizer.from_checkpoint(tmp_path / "model.ckpt")
    waveform = torch.from_numpy(speech(2.0))
    with torch.no_grad():
        expected, _ = module.eval()(waveform[None], torch.tensor([len(waveform)]))
    own = recognizer.scores(AudioSamples(waveform.numpy(), 16000))
    torch.testing.assert_close(own, expected[0], atol=1e-4, rtol=0)


def test_the_recogniser_does_not_load_lightning():
    code = "import sys, inference; sys.exit('lightning' in sys.modules or 'torchmetrics' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize(("family", "tolerance"), [("Wav2Vec2 layer", 1e-3), ("Wav2Vec2Bert", 0.3)])
def test_windows_of_a_network_with_an_adapter_score_as_one_pass_does(recognizer_of, family, tolerance):
    """To the last frame; Wav2Vec2Bert's adapter attends, and so uses less of a window."""
    network = NO_ATTENTION | {"add_adapter": True, "num_adapter_layers": 2, "output_hidden_size": 32}
    stream = AudioSamples(speech(11.3), 16000)
    windows = {"one_pass_seconds": 0.0, "window_seconds": 4.0, "overlap_seconds": 2.0}
    whole, joined = (recognizer_of(family, network, **own).scores(stream) for own in ({}, windows))
    torch.testing.assert_close(joined, whole, atol=tolerance, rtol=0)


def test_stretches_may_lie_apart():
    """Frames of a network with an adapter are further apart than their receptive fields are long."""
    blocks = [np.arange(3), np.arange(3, 8), np.arange(8, 12)]
    stretches = [part.tolist() for part in _stretches(blocks, [(0, 2), (4, 3), (9, 2)])]
    assert stretches == [[0, 1], [4, 5, 6], [9, 10]]


def test_samples_with_channels_first_are_refused(recognizer_of):
    with pytest.raises(AudioError, match="transpose"):
        recognizer_of()(torch.from_numpy(speech(1.0))[None], 16000)


@pytest.mark.parametrize("seconds", [1.0, 9.0])
def test_digital_silence_has_no_phonemes(recognizer_of, seconds):
    recognizer = recognizer_of(
        "Wav2Vec2 layer", one_pass_seconds=2.0, window_seconds=2.0, overlap_seconds=0.5
    )
    assert _symbols(recognizer(speech(seconds), 16000))
    assert not _symbols(recognizer(np.zeros(int(seconds * 16000), dtype=np.float32), 16000))

"""The worst utterances: their drawing and their audio."""

import io
import re

import numpy as np
import pytest
import soundfile

from evaluation.error_analysis import analyse
from reports.utterance_section import Sound, _drawing, encoded_mp3


@pytest.mark.parametrize(("seconds", "drawn"), [(0.25, 240), (2.0, 960), (10.0, 3600)])
def test_spectrogram_and_phonemes_share_a_time_scale(noisy_records, seconds, drawn):
    (record,) = noisy_records(1)
    record = record._replace(
        seconds=seconds, reference=("t", "a"), reference_times=((0.0, seconds / 2), (seconds / 2, seconds))
    )
    text = _drawing(record, analyse("test", [record]).aligned[0], Sound(b"a picture"))
    picture = float(re.search(r'<image [^>]*?width="([\d.]+)"', text)[1])
    middle = float(re.findall(r'<rect x="([\d.]+)"', text)[1])
    assert middle == pytest.approx(picture / 2)
    assert re.search(r'<svg [^>]*?width="(\d+)"', text)[1] == str(drawn)


@pytest.mark.parametrize(("sampling_rate", "played_at"), [(16000, 16000), (10000, 11025), (96000, 48000)])
def test_audio_of_any_sampling_rate_isencoded_mp3_as_mp3(sampling_rate, played_at):
    data = encoded_mp3(np.zeros(sampling_rate, dtype=np.float32), sampling_rate)
    sound = soundfile.info(io.BytesIO(data))
    assert (sound.format, sound.samplerate) == ("MP3", played_at)
    assert sound.duration == pytest.approx(1.0, abs=0.2)

"""The sound of utterances inside a page."""

import io

import numpy as np
import pytest
import soundfile

from reports.utterance_section import _encoded


@pytest.mark.parametrize(("sampling_rate", "played_at"), [(16000, 16000), (10000, 11025), (96000, 48000)])
def test_sound_of_any_rate_becomes_an_mp3(sampling_rate, played_at):
    data = _encoded(np.zeros(sampling_rate, dtype=np.float32), sampling_rate)
    sound = soundfile.info(io.BytesIO(data))
    assert (sound.format, sound.samplerate) == ("MP3", played_at)
    assert sound.duration == pytest.approx(1.0, abs=0.2)

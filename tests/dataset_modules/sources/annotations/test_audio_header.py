"""What the headers of audio files state."""

import struct

import numpy as np
import soundfile

from dataset_modules.sources.annotations.audio_header import read_header


def test_a_wav_file_from_a_pipe_has_the_length_of_its_samples(tmp_path):
    path = tmp_path / "piped.wav"
    soundfile.write(path, np.zeros(24_000), 16_000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[4:8] = content[place : place + 4] = struct.pack("<I", 0)  # as a program leaves them in a pipe
    path.write_bytes(content)
    assert read_header(path).seconds == 1.5

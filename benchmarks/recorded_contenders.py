"""Recognise wav files with a program that brings its weights in a package: ``hama`` or ``pocketsphinx``.

``benchmarks/recorded_speech.py`` runs this with an interpreter that has these packages; nothing of this
project is imported. It reads paths from standard input, and writes a JSON list of phonemes for each.
"""

import json
import sys
import wave
from collections.abc import Callable


def hama() -> Callable[[str], list[str]]:
    """Return the recogniser of ``hama``."""
    from hama import ASRModel

    model = ASRModel()
    return lambda path: list(model.transcribe_file(path).phonemes)


def pocketsphinx() -> Callable[[str], list[str]]:
    """Return the phone loop of ``pocketsphinx`` with its own model of English."""
    from pocketsphinx import Decoder, get_model_path

    model = get_model_path("en-us/en-us")
    loop = get_model_path("en-us/en-us-phone.lm.bin")
    decoder = Decoder(hmm=model, allphone=loop, lw=2.0, beam=1e-20, pbeam=1e-20, loglevel="FATAL")

    def recognise(path: str) -> list[str]:
        with wave.open(path) as stream:
            samples = stream.readframes(stream.getnframes())
        decoder.start_utt()
        decoder.process_raw(samples, full_utt=True)
        decoder.end_utt()
        return [segment.word for segment in decoder.seg()]

    return recognise


if __name__ == "__main__":
    recognise = {"hama": hama, "pocketsphinx": pocketsphinx}[sys.argv[1]]()
    for line in sys.stdin:
        print(json.dumps(recognise(line.strip()), ensure_ascii=False))

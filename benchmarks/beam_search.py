"""Time the beam search over ten seconds of scores, from frames of one likely token to frames of many.

``python benchmarks/beam_search.py [--beam 16] [--order 4]``
"""

import argparse
import statistics
import time

import numpy as np
import torch

from inference.decoding.beam_search import BeamDecoder
from inference.decoding.ngram import estimate
from phonetics import Vocabulary

_FRAMES, _TOKENS, _ROUNDS = 500, 50, 7
_SHARPNESS = {"diffuse": 1.0, "between": 3.0, "peaked": 8.0}


def main() -> None:
    """Print a row for each kind of frames: without and with a language model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beam", type=int, default=16)
    parser.add_argument("--order", type=int, default=4, help="of the language model")
    options = parser.parse_args()
    torch.set_num_threads(1)
    draws = np.random.default_rng(0)
    names = tuple(f"phoneme{index}" for index in range(1, _TOKENS))
    sequences = [[names[draw % len(names)] for draw in draws.zipf(1.4, 30)] for _ in range(300)]
    vocabulary, model = Vocabulary(("[PAD]", *names)), estimate(sequences, options.order)
    print("frames    no model   with model   (median seconds of processor time for 10 s of speech)")
    for kind, sharpness in _SHARPNESS.items():
        scores = torch.from_numpy(draws.normal(size=(_FRAMES, _TOKENS)).astype(np.float32))
        log_probs = scores.mul(sharpness).log_softmax(-1)
        bare, modelled = (
            _median_seconds(BeamDecoder(vocabulary, options.beam, used), log_probs) for used in (None, model)
        )
        print(f"{kind:<9} {bare:8.3f}   {modelled:10.3f}")


def _median_seconds(decoder: BeamDecoder, log_probs: torch.Tensor) -> float:
    runs = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        decoder(log_probs)
        runs.append(time.process_time() - started)
    return statistics.median(runs)


if __name__ == "__main__":
    main()

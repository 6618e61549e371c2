"""Measure the errors of phoneme times: ``python benchmarks/alignment.py EXPERIMENT``.

The reference phonemes of the experiment's test set are aligned to the frames of its best checkpoint, and the
onsets are compared with those of the synthesiser. Word boundaries are aligned, but they have
no sound and do not count. Recordings without reference times are left out.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cli.configuration.configured_datasets import located_datasets  # noqa: E402
from dataset_modules.base_dataset import Split  # noqa: E402
from dataset_modules.sources.audio import from_pcm16  # noqa: E402
from experiment.contents import read_configuration  # noqa: E402
from experiment.folder import find_checkpoint  # noqa: E402
from experiment.layout import experiment_of  # noqa: E402
from inference.recognizer import Recognizer  # noqa: E402
from inference.streaming.audio_stream import AudioSamples  # noqa: E402
from models.ctc import force_align  # noqa: E402
from models.network.frames import token_times  # noqa: E402

_TARGET_SECONDS = 0.040


class Onset(NamedTuple):
    """The onset of a phoneme: by the synthesiser, by the alignment, and the centre of its first frame."""

    true_seconds: float
    aligned_seconds: float
    first_frame_seconds: float
    confidence: float


def onsets(recognizer: Recognizer, experiment: Path, split: Split) -> Iterator[Onset]:
    """Yield the onsets of all phonemes with reference times."""
    model = recognizer.model
    vocabulary, rate = model.vocabulary, model.audio_params.sampling_rate
    configuration = read_configuration(experiment)
    for dataset in located_datasets(dict(configuration["data"])):
        clips = dataset.prepare(split, model.audio_params).clips
        for clip in (clips[index] for index in range(len(clips))):
            if clip.phoneme_starts is None or any(name not in vocabulary.ids for name in clip.phonemes):
                continue
            scores = recognizer.scores(AudioSamples(from_pcm16(clip.samples), rate))
            spans = force_align(scores, vocabulary.encode(clip.phonemes), vocabulary.blank_id)
            times = token_times([span[1:3] for span in spans], model.clock, len(clip.samples) / rate)
            for name, true, time, span in zip(clip.phonemes, clip.phoneme_starts, times, spans, strict=True):
                if name != vocabulary.word_delimiter:
                    first = model.clock.centre_seconds(span.start_frame)
                    yield Onset(true, time.start_seconds, first, span.confidence)


def error_summary(errors_seconds: np.ndarray) -> dict[str, float]:
    """Return the median absolute error, bias and spread in milliseconds."""
    milliseconds = errors_seconds * 1000
    absolute = np.abs(milliseconds)
    return {
        "median_absolute_ms": round(float(np.median(absolute)), 1),
        "mean_absolute_ms": round(float(absolute.mean()), 1),
        "bias_ms": round(float(np.median(milliseconds)), 1),
        "90 % within_ms": round(float(np.percentile(absolute, 90)), 1),
    }


def main() -> int:
    """Measure and print; return exit status 1 above 40 ms."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", help="a folder, a name under experiments/, or a checkpoint in one")
    parser.add_argument("--split", choices=["val", "test"], default="test")
    options = parser.parse_args()
    checkpoint = find_checkpoint("alignment", options.experiment)
    experiment = experiment_of(checkpoint)
    if experiment is None:
        parser.error("the checkpoint must lie in an experiment's folder")
    found = list(onsets(Recognizer.from_checkpoint(checkpoint), experiment, options.split))
    if not found:
        parser.error("no recording of this data knows its phonemes' times")
    true, aligned, first, _ = map(np.array, zip(*found, strict=True))
    result = {
        "experiment": str(experiment),
        "split": options.split,
        "phonemes": len(found),
        "onsets half-way to the phoneme before": error_summary(aligned - true),
        "onsets at the centre of the first frame": error_summary(first - true),
    }
    print(json.dumps(result, indent=1))
    return 0 if np.median(np.abs(aligned - true)) <= _TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())

"""Transcribe an hour, and time the pipeline beside it: ``python benchmarks/transcribe.py EXPERIMENT``.

An hour of speech is the clips of the experiment's test set, repeated. Measured are the
peak of memory of a process that transcribes the hour, and of one that transcribes six minutes of it; and the
time, reading included, beside transformers' pipeline on the same model as exported, with windows of the same
length and overlap, the same number of them at once and the same threads. Both run in turn, round after round,
over the same six minutes; the ratio is the median over rounds. The pipeline holds its recording in memory, as
its users give it.
"""

import argparse
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.peak_memory import peak_megabytes  # noqa: E402
from cli.configuration.configured_datasets import located_datasets  # noqa: E402
from experiment.contents import read_configuration  # noqa: E402
from experiment.folder import find_checkpoint  # noqa: E402
from experiment.layout import experiment_of  # noqa: E402
from inference import Recognizer, Transcript  # noqa: E402
from inference.acoustic_model import AcousticModel  # noqa: E402
from inference.handover.huggingface import save_huggingface  # noqa: E402
from inference.streaming.audio_stream import AudioFile  # noqa: E402
from phonetics import edit_counts  # noqa: E402

WINDOW_SECONDS, OVERLAP_SECONDS, WINDOWS_AT_ONCE = 20.0, 4.0, 3


def write_speech(checkpoint: Path, path: Path, seconds: float) -> list[str]:
    """Write the test set's clips, repeated, to a file of this length; return the reference phonemes."""
    experiment = experiment_of(checkpoint)
    assert experiment is not None, "the checkpoint must lie in an experiment's folder"
    model = AcousticModel.from_checkpoint(checkpoint)
    datasets = located_datasets(read_configuration(experiment)["data"])
    splits = [dataset.prepare("test", model.audio_params).clips for dataset in datasets]
    reference: list[str] = []
    with soundfile.SoundFile(path, "w", model.audio_params.sampling_rate, 1, "PCM_16") as stream:
        while stream.frames < seconds * stream.samplerate:
            for clip in (clips[index] for clips in splits for index in range(len(clips))):
                stream.write(np.array(clip.samples))
                reference += [phoneme for phoneme in clip.phonemes if phoneme != "|"]
                if stream.frames >= seconds * stream.samplerate:
                    break
    return reference


def recognizer_of(checkpoint: Path) -> Recognizer:
    """Load the recogniser with the benchmark's windows."""
    return Recognizer(
        AcousticModel.from_checkpoint(checkpoint),
        window_seconds=WINDOW_SECONDS,
        overlap_seconds=OVERLAP_SECONDS,
        batch_seconds=WINDOW_SECONDS * WINDOWS_AT_ONCE,
        one_pass_seconds=WINDOW_SECONDS,
    )


def transcribe(recognizer: Recognizer, path: Path) -> list[str]:
    """Return the phonemes of a file."""
    (result,) = recognizer.transcribe([AudioFile(path, path.name)])
    assert isinstance(result, Transcript), result
    return [phoneme.symbol for phoneme in result.phonemes]


def pipeline_of(checkpoint: Path, folder: Path) -> Callable[[Path], list[str]]:
    """Build transformers' pipeline over the exported model."""
    from transformers import pipeline

    save_huggingface(AcousticModel.from_checkpoint(checkpoint), folder)
    recognise = pipeline("automatic-speech-recognition", model=str(folder), device="cpu")

    def recognised(path: Path) -> list[str]:
        samples, rate = soundfile.read(path, dtype="float32")
        output = recognise(
            {"raw": samples, "sampling_rate": rate},
            chunk_length_s=WINDOW_SECONDS,
            stride_length_s=OVERLAP_SECONDS / 2,  # at either side
            batch_size=WINDOWS_AT_ONCE,
        )
        return [token for token in output["text"].split() if token != "|"]

    return recognised


def timed(run: Callable[[Path], list[str]], path: Path) -> tuple[float, list[str]]:
    """Return the seconds and the hypothesis of a run."""
    started = time.perf_counter()
    hypothesis = run(path)
    return time.perf_counter() - started, hypothesis


def peak_of(checkpoint: Path, path: Path, threads: int) -> float:
    """Return the peak memory of a new process that transcribes a file."""
    command = [sys.executable, __file__, str(checkpoint), "--only", str(path), "--threads", str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.strip().splitlines()[-1])


def per(reference: list[str], hypothesis: list[str]) -> float:
    """Return the phoneme error rate."""
    return round(edit_counts(reference, hypothesis).errors / len(reference), 4)


def measure(
    checkpoint: Path, minutes: float, rounds: int, threads: int
) -> Iterator[tuple[str, float | list[float]]]:
    """Yield each result as soon as it is measured."""
    with tempfile.TemporaryDirectory() as folder:
        long, short = Path(folder) / "long.wav", Path(folder) / "short.wav"
        reference = write_speech(checkpoint, short, minutes * 6)
        recognizer = recognizer_of(checkpoint)
        theirs = pipeline_of(checkpoint, Path(folder) / "hf")

        def own(path: Path) -> list[str]:
            return transcribe(recognizer, path)

        for warm in (own, theirs):
            warm(short)
        pairs = [(timed(own, short), timed(theirs, short)) for _ in range(rounds)]
        ratios = [round(mine[0] / other[0], 3) for mine, other in pairs]
        yield "times over the pipeline's", ratios
        yield "median", statistics.median(ratios)
        yield "real-time factor", round(pairs[-1][0][0] / (minutes * 6), 4)
        yield "PER", per(reference, pairs[0][0][1])
        yield "PER of the pipeline", per(reference, pairs[0][1][1])
        yield "peak MB, a tenth of the time", peak_of(checkpoint, short, threads)
        write_speech(checkpoint, long, minutes * 60)
        yield "peak MB", peak_of(checkpoint, long, threads)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("experiment", help="a folder, a name under experiments/, or a checkpoint in one")
    parser.add_argument("--minutes", type=float, default=60.0, help="of the longer recording")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    checkpoint = find_checkpoint("transcribe", options.experiment)
    if options.only:
        transcribe(recognizer_of(checkpoint), options.only)
        print(peak_megabytes())
        return 0
    print(json.dumps({"minutes": options.minutes, "threads": options.threads}))
    for name, value in measure(checkpoint, options.minutes, options.rounds, options.threads):
        print(json.dumps({name: value}, ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

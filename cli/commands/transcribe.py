"""``transcribe MODEL RECORDING…``: recordings → phonemes with times."""

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from cli.configuration.model_option import model_source, with_model_first
from cli.configuration.tool_parser import ToolParser
from experiment.errors import ConfigError
from experiment.kept_search import KeptSearch
from experiment.layout import experiment_of
from installation import PROGRAM
from stop_signals import stop_if_requested
from untrusted.files import open_regular

if TYPE_CHECKING:
    from cli.commands.transcription.recording_results import RecordingResults
    from cli.commands.transcription.recordings import NamedRecording
    from inference import Recognizer, Transcript
    from inference.decoding.beam_search import BeamDecoder
    from inference.decoding.ngram import NgramModel
    from inference.streaming.audio_stream import AudioStream, Samples
    from phonetics import Vocabulary

log = logging.getLogger(__name__)

_LM_WEIGHT = 0.5
FORMAT_NAMES = ("text", "jsonl", "ctm", "lab", "textgrid", "eaf", "srt")
_MOST_SECONDS = 86_400.0
_DESCRIPTION = """Transcribe recordings: files, folders (all recordings in them, at any depth), or - for the
bytes of one recording on standard input. Results go to standard output, or, one file each, into a folder.
A recording that cannot be read is one line on standard error; the exit status is 1 if there was one."""


def run_transcribe(arguments: Sequence[str]) -> int:
    """Transcribe; the exit status is 1 where a recording could not be read."""
    options = _parser().parse_args(with_model_first(arguments))
    _check(options)
    model = model_source("transcribe", options.model)
    # Imported only now: a wrong argument should not wait for it.
    from cli.commands.transcription.clips import find_clips
    from cli.commands.transcription.label_choice import label_choice
    from cli.commands.transcription.recording_results import RecordingResults
    from cli.commands.transcription.recordings import find_recordings, with_results_apart
    from inference.formats import FORMATS

    with ExitStack() as stack:
        recordings = (
            with_results_apart(find_clips(options.recordings, label_choice(options, model)))
            if options.clips
            else find_recordings(options.recordings, stack)
        )
        form = FORMATS[options.format]
        results = RecordingResults(
            recordings, options.format, form, options.output, overwrite=options.overwrite
        )
        return _transcribe(_recognizer(options, model), recordings, results)


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} transcribe", description=_DESCRIPTION)
    add_model_options(parser)
    parser.add_argument("recordings", nargs="+", help="files, folders, or - for standard input")
    parser.add_argument(
        "--clips", action="store_true", help="transcribe the clips that a folder's table or label files cut"
    )
    parser.add_argument(
        "--label_tier", help="for --clips, the tier of labels, by name or pattern; left out, the training's"
    )
    parser.add_argument("--clip_tier", help="for --clips, the tier whose intervals are the clips")
    parser.add_argument("--format", type=str.lower, choices=FORMAT_NAMES, default="text")
    add_result_options(parser)
    parser.add_argument("--batch_seconds", type=float, default=60.0, help="seconds of audio in a batch")
    parser.add_argument("--one_pass", type=float, default=60.0, help="longest recording in one pass")
    parser.add_argument("--window", type=float, default=20.0, help="windows of longer recordings")
    parser.add_argument("--overlap", type=float, default=4.0, help="overlap of the windows")
    parser.add_argument(
        "--beam",
        type=int,
        help="hypotheses of a beam search; 1: greedy. Left out: as the experiment's test data were decoded",
    )
    parser.add_argument("--lm", type=Path, help="an n-gram model of phonemes (ARPA), for --beam")
    parser.add_argument(
        "--lm_weight", type=float, help=f"of the model's log-probabilities; left out, {_LM_WEIGHT}"
    )
    parser.add_argument("--token_bonus", type=float, help="for each phoneme, against deletions; left out, 0")
    return parser


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the model, by its place and by its name."""
    parser.add_argument(
        "model",
        help="an experiment (its best checkpoint is taken), a checkpoint, an ONNX export, or a Hugging Face "
        "CTC model: its folder or hub id",
    )
    # Moved to the first place before the arguments are parsed.
    parser.add_argument("--model", dest="named_model", help="the model, instead of naming it first")


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """Add where results go, and what computes them."""
    parser.add_argument("--output", type=Path, help="a folder; left out, standard output")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are in the folder")
    parser.add_argument("--device", default="auto", help="auto (a GPU, where there is one), cpu, cuda:1 …")


def _check(options: argparse.Namespace) -> None:
    """Refuse values out of range, and options of a beam search where the search is greedy."""
    for name in ("batch_seconds", "window"):
        if not 0 < getattr(options, name) <= _MOST_SECONDS:
            raise ConfigError(
                f"transcribe: --{name} must be a positive number of seconds up to {_MOST_SECONDS:g}, "
                f"got {getattr(options, name)}"
            )
    if not 0 <= options.one_pass <= _MOST_SECONDS:
        raise ConfigError(
            f"transcribe: --one_pass must be a number of seconds up to {_MOST_SECONDS:g}, "
            f"got {options.one_pass}"
        )
    if not 0 <= options.overlap < options.window:
        raise ConfigError(f"transcribe: --overlap must be less than --window, got {options.overlap}")
    for name in ("label_tier", "clip_tier"):
        if getattr(options, name) and not options.clips:
            raise ConfigError(f"transcribe: --{name} belongs to --clips, which transcribes clips")
    _check_search(options)


def _check_search(options: argparse.Namespace) -> None:
    beam = 1 if options.beam is None else options.beam
    weights = options.lm_weight or 0.0, options.token_bonus or 0.0
    if faults := KeptSearch(beam, *weights, has_language_model=False).faults():
        raise ConfigError(f"transcribe: --{faults}")
    for name in ("lm", "token_bonus"):
        if beam == 1 and getattr(options, name):
            raise ConfigError(f"transcribe: --{name} needs a beam search, such as --beam 16")
    if options.lm_weight is not None and options.lm is None:
        raise ConfigError("transcribe: --lm_weight needs a model, --lm FILE.arpa")
    if options.lm:
        open_regular(options.lm).close()


def _recognizer(options: argparse.Namespace, name: str) -> "Recognizer":
    from inference import Recognizer
    from inference.decoding.ngram import NgramError
    from inference.model_loading import load_model

    try:
        model = load_model(name, chosen_device(options.device))
        decoder = _decoder(options, name, model.vocabulary)
    except (ValueError, NgramError) as error:  # CheckpointError is one, as are those of Hugging Face models
        raise ConfigError(str(error)) from error
    return Recognizer(
        model,
        decoder,
        batch_seconds=options.batch_seconds,
        one_pass_seconds=options.one_pass,
        window_seconds=options.window,
        overlap_seconds=options.overlap,
    )


def _decoder(options: argparse.Namespace, name: str, vocabulary: "Vocabulary") -> "BeamDecoder | None":
    """Build the search of the options; without any, that of the experiment's test data. None is greedy."""
    from inference.decoding.beam_search import BeamDecoder
    from inference.decoding.kept_decoder import kept_decoder
    from inference.decoding.ngram import read_arpa

    if options.beam is None:
        experiment = experiment_of(Path(name))
        decoder = kept_decoder(experiment, vocabulary) if experiment else None
        if decoder:
            log.info("transcribe: decodes as test data were decoded; --beam 1 does without a search")
        return decoder
    if options.beam == 1:
        return None
    language_model = read_arpa(options.lm) if options.lm else None
    if language_model:
        _check_tokens(language_model, vocabulary, options.lm)
    weight = _LM_WEIGHT if options.lm_weight is None else options.lm_weight
    bonus = options.token_bonus or 0.0
    return BeamDecoder(vocabulary, options.beam, language_model, lm_weight=weight, token_bonus=bonus)


def _check_tokens(language_model: "NgramModel", vocabulary: "Vocabulary", path: Path) -> None:
    """Refuse a model of other tokens, which would outweigh the network; log which tokens it lacks."""
    tokens = [name for name in (*vocabulary.phonemes, vocabulary.word_delimiter) if name is not None]
    lacking = [name for name in tokens if (name,) not in language_model.entries]
    listed = " ".join(lacking)
    if not set(vocabulary.phonemes) - set(lacking):
        raise ConfigError(
            f"transcribe: --lm must be over the phonemes of the vocabulary, {path} has none of them: {listed}"
        )
    if lacking:
        log.warning("transcribe: %s has no %s: it takes them for unknown, and so for unlikely", path, listed)


def chosen_device(name: str) -> str:
    """Return the name of a device that is here; ``auto`` is a GPU, where there is one."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"--device must be one that is here, got {name!r}: {reason}") from error
    return name


def _transcribe(
    recognizer: "Recognizer", recordings: Sequence["NamedRecording"], results: "RecordingResults[Transcript]"
) -> int:
    from inference import Failure

    num_failed = 0
    with closing(_Progress(recordings)) as progress:
        streams = (_Watched(recording.audio, progress) for recording in recordings)
        transcripts = recognizer.transcribe(streams, progress.add)
        for recording, result in zip(recordings, transcripts, strict=True):
            if isinstance(result, Failure):
                num_failed += 1
                log.warning("transcribe: %s", result.reason)
            else:
                results.write(result, recording.result)
    num_done = len(recordings) - num_failed
    log.info("transcribe: %d of %d recordings, %s", num_done, len(recordings), progress.summary())
    return 1 if num_failed else 0


class _Watched:
    """A recording whose reading is shown."""

    def __init__(self, audio: "AudioStream", progress: "_Progress") -> None:
        self._audio, self._progress = audio, progress
        self.name = audio.name

    def blocks(self, sampling_rate: int) -> Iterator["Samples"]:
        """Yield the recording's samples block by block."""
        for block in self._audio.blocks(sampling_rate):
            self._progress.read(len(block) / sampling_rate)
            yield block


class _Progress:
    """A progress bar of the seconds transcribed; the real-time factor is work time over audio time."""

    def __init__(self, recordings: Sequence["NamedRecording"]) -> None:
        from dataset_modules.cache.progress_bars import refreshing

        self._seconds, self._read = 0.0, 0.0
        self._started = self._shown = time.monotonic()
        form = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s [{elapsed}<{remaining}{postfix}]"
        self._total = sum(recording.audio.seconds() for recording in recordings)  # by their headers
        self._bar = tqdm(
            **refreshing(sys.stderr), total=self._total, desc="transcribe", bar_format=form, file=sys.stderr
        )
        self.close = self._bar.close

    def read(self, seconds: float) -> None:
        """Show the seconds read until the first are transcribed: a long recording is measured first."""
        stop_if_requested()
        self._read += seconds
        if not self._seconds and time.monotonic() - self._shown > self._bar.mininterval:
            self._shown = time.monotonic()
            self._bar.set_postfix_str(f"read {self._read:.0f} s")

    def add(self, seconds: float) -> None:
        """Add seconds that were transcribed; a signal stops the command here."""
        stop_if_requested()
        self._seconds += seconds
        self._bar.set_postfix_str(f"real-time factor {self._factor():.3f}", refresh=False)
        self._bar.update(min(seconds, self._total - self._bar.n))  # headers may promise less

    def summary(self) -> str:
        """Return the totals as text."""
        elapsed = time.monotonic() - self._started
        factor = f" (real-time factor {self._factor():.3f})" if self._seconds else ""
        return f"{self._seconds:.1f} s of audio in {elapsed:.1f} s{factor}"

    def _factor(self) -> float:
        return (time.monotonic() - self._started) / self._seconds

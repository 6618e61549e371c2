"""``align MODEL RECORDING…``: recordings and what is said in them → phonemes with times."""

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.transcribe import FORMAT_NAMES, add_model_options, add_result_options, chosen_device
from cli.configuration.model_option import model_source, with_model_first
from cli.configuration.tool_parser import ToolParser
from experiment.errors import ConfigError
from installation import PROGRAM
from stop_signals import stop_if_requested

if TYPE_CHECKING:
    from cli.commands.transcription.recording_labels import LabelReader, Labels
    from cli.commands.transcription.recordings import NamedRecording
    from inference import Phoneme, Recognizer, Transcript

log = logging.getLogger(__name__)

_DESCRIPTION = """Find when each phoneme of a known text is said. The text or the phonemes are those of --text
or --phonemes, or of a label file beside each recording (.TextGrid, .eaf, .lab, .txt, …). Utterances with
times are aligned one by one. Results go to standard output, or, one file each, into a folder. What cannot be
aligned is one line on standard error; the exit status is 1 if there was any."""


def run_align(arguments: Sequence[str]) -> int:
    """Align; the exit status is 1 where something could not be aligned."""
    options = _parser().parse_args(with_model_first(arguments))
    options.model = model_source("align", options.model)
    # Imported only now: a wrong argument should not wait for it.
    from cli.commands.transcription.recording_labels import LabelReader, label_folder
    from cli.commands.transcription.recording_results import RecordingResults
    from cli.commands.transcription.recordings import find_recordings
    from inference.formats import FORMATS

    with ExitStack() as stack:
        recordings = find_recordings(options.recordings, stack, "align")
        form = FORMATS[options.format]
        results = RecordingResults(
            recordings,
            options.format,
            form,
            options.output,
            overwrite=options.overwrite,
            label_folder=label_folder(options),
        )
        labels = _labels(options, recordings)
        to_phonemes = LabelReader(options, "align")
        recognizer = recognizer_of(options)
        num_faults = 0
        for recording, segments in zip(recordings, labels, strict=True):
            stop_if_requested()
            transcript, faults = _aligned(recognizer, recording, segments, to_phonemes)
            num_faults += len(faults)
            for fault in faults:
                log.warning("align: %s: %s", recording.audio.name, fault)
            if transcript.words:
                results.write(transcript, recording.result)
        if options.output is not None:
            log.info("align: %s", results.summary())
    return 1 if num_faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} align", description=_DESCRIPTION)
    add_model_options(parser)
    parser.add_argument("recordings", nargs="+", help="files, folders, or - for standard input")
    parser.add_argument("--text", help="what is said in the one recording: a text, or a file with it")
    parser.add_argument("--phonemes", help="the same as phonemes with spaces between, | between words")
    add_label_options(parser)
    parser.add_argument("--format", type=str.lower, choices=FORMAT_NAMES, default="textgrid")
    add_result_options(parser)
    return parser


def add_label_options(parser: argparse.ArgumentParser) -> None:
    """Add the options about label files and texts."""
    parser.add_argument("--labels", type=Path, help="a folder of label files; left out, beside the audio")
    parser.add_argument("--label_kind", choices=("phonemes", "text"), help="what label files hold")
    parser.add_argument(
        "--label_tier", help="the tier of labels, by name or pattern; left out, the training's"
    )
    parser.add_argument("--language", help="of the text, such as ru or en-us; left out, the training's")
    parser.add_argument("--text_to_phonemes", default="espeak", help="espeak, epitran or a dictionary file")


def recognizer_of(options: argparse.Namespace) -> "Recognizer":
    """Build the recogniser of the options ``--model`` and ``--device``."""
    from inference import Recognizer
    from inference.model_loading import load_model

    try:
        return Recognizer(load_model(options.model, chosen_device(options.device)))
    except ValueError as error:  # of a checkpoint, or of a Hugging Face model
        raise ConfigError(str(error)) from error


def _labels(options: argparse.Namespace, recordings: Sequence["NamedRecording"]) -> Iterator["Labels"]:
    """Return what is said in each recording, or why it is not known; refuse what holds for none."""
    from cli.commands.transcription.recording_labels import labels_beside, stated_label

    stated = stated_label(options, "align")
    if stated is None:
        return labels_beside(options, recordings, "align")
    if len(recordings) > 1:
        raise ConfigError(
            f"align: --text and --phonemes are of one recording, there are {len(recordings)}; put a "
            f"label file beside each"
        )
    return iter([[stated._replace(audio=recordings[0].audio.path)]])


def _aligned(
    recognizer: "Recognizer", recording: "NamedRecording", labels: "Labels", to_phonemes: "LabelReader"
) -> tuple["Transcript", list[str]]:
    """Return the words of all segments of a recording, with their spellings, and what failed."""
    from dataset_modules.sources.annotations.segment_recordings import recording_of
    from dataset_modules.sources.audio import read_clip
    from inference import Transcript
    from inference.transcript import spellings_of

    named: list[tuple[tuple[Phoneme, ...], str]] = []
    faults: list[str] = [labels] if isinstance(labels, str) else []
    for segment in [] if isinstance(labels, str) else labels:
        place = "" if segment.is_whole else f"{segment.start:.2f} s: "
        try:
            clip = read_clip(recording_of("", segment).audio)
            said = recognizer.align(clip.waveform, clip.sampling_rate, to_phonemes(segment))
        except ConfigError:
            raise
        except ValueError as error:  # of audio, of labels, of the vocabulary, of an alignment
            faults.append(f"{place}{error}")
            continue
        words = [tuple(phoneme.later(segment.start) for phoneme in word) for word in said.words]
        names = spellings_of(segment.text or "", len(words)) or said.word_names
        named += zip(words, names, strict=True)
    named.sort(key=lambda one: one[0][0].start_seconds)
    ordered, spellings = tuple(word for word, _ in named), tuple(name for _, name in named)
    return Transcript(recording.audio.name, recording.audio.seconds(), ordered, spellings), faults

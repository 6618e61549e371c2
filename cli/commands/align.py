"""``align MODEL RECORDING…``: recordings and what is said in them → phonemes with times."""

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.transcribe import FORMAT_NAMES, chosen_device
from cli.configuration.model_option import names_huggingface, with_model_first
from cli.configuration.tool_parser import ToolParser
from experiment.contents import read_configuration
from experiment.errors import ConfigError
from experiment.folder import find_checkpoint
from experiment.layout import experiment_of
from installation import PROGRAM
from stop_signals import stop_if_requested

if TYPE_CHECKING:
    from cli.commands.transcription.recordings import NamedRecording
    from dataset_modules.sources.annotations.contract import LabelledSegment
    from dataset_modules.sources.annotations.side_files import LabelFiles, SideFiles
    from inference import Phoneme, Recognizer, Transcript

    _Labels = list[LabelledSegment] | str  # of a recording, or why there are none

log = logging.getLogger(__name__)

_DESCRIPTION = """Find when each phoneme of a known text is said. The text or the phonemes are those of --text
or --phonemes, or of a label file beside each recording (.TextGrid, .eaf, .lab, .txt, …). Utterances with
times are aligned one by one. Results go to standard output, or, one file each, into a folder. What cannot be
aligned is one line on standard error; the exit status is 1 if there was any."""

_ToPhonemes = Callable[["LabelledSegment"], Sequence[str]]


def run_align(arguments: Sequence[str]) -> int:
    """Align; the exit status is 1 where something could not be aligned."""
    options = _parser().parse_args(with_model_first(arguments))
    if options.text and options.phonemes:
        raise ConfigError("align: give --text or --phonemes, not both")
    if not names_huggingface(options.model):
        options.model = str(find_checkpoint("align", options.model))
    # Imported only now: a wrong argument should not wait for it.
    from cli.commands.transcription.recordings import find_recordings
    from cli.commands.transcription.transcript_results import TranscriptResults

    with ExitStack() as stack:
        recordings = find_recordings(options.recordings, stack, "align")
        results = TranscriptResults(recordings, options.format, options.output, overwrite=options.overwrite)
        to_phonemes = _label_reader(options)
        labels = _labels(options, recordings)
        recognizer = _recognizer(options)
        num_faults = 0
        for recording, segments in zip(recordings, labels, strict=True):
            stop_if_requested()
            transcript, faults = _aligned(recognizer, recording, segments, to_phonemes)
            num_faults += len(faults)
            for fault in faults:
                log.warning("align: %s: %s", recording.audio.name, fault)
            if transcript.words:
                results.write(transcript, recording.result)
    return 1 if num_faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} align", description=_DESCRIPTION)
    parser.add_argument("model", help="an experiment, a checkpoint, or a Hugging Face CTC model of phonemes")
    # Moved to the first place before the arguments are parsed.
    parser.add_argument("--model", dest="named_model", help="the model, instead of naming it first")
    parser.add_argument("recordings", nargs="+", help="files, folders, or - for standard input")
    parser.add_argument("--text", help="what is said in the one recording")
    parser.add_argument("--phonemes", help="the same as phonemes with spaces between, | between words")
    parser.add_argument("--labels", type=Path, help="a folder of label files; left out, beside the audio")
    parser.add_argument("--label_kind", choices=("phonemes", "text"), help="what label files hold")
    parser.add_argument("--label_tier", help="the tier of labels, by name or pattern")
    parser.add_argument("--language", help="of the text, such as ru or en-us; left out, the training's")
    parser.add_argument("--text_to_phonemes", default="espeak", help="espeak, epitran or a dictionary file")
    parser.add_argument("--format", type=str.lower, choices=FORMAT_NAMES, default="textgrid")
    parser.add_argument("--output", type=Path, help="a folder; left out, standard output")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are in the folder")
    parser.add_argument("--device", default="auto", help="auto (a GPU, where there is one), cpu, cuda:1 …")
    return parser


def _recognizer(options: argparse.Namespace) -> "Recognizer":
    from inference import Recognizer
    from inference.acoustic_model import AcousticModel

    try:
        return Recognizer(AcousticModel.load(options.model, chosen_device(options.device)))
    except ValueError as error:  # of a checkpoint, or of a Hugging Face model
        raise ConfigError(str(error)) from error


def _labels(options: argparse.Namespace, recordings: Sequence["NamedRecording"]) -> Iterator["_Labels"]:
    """Return what is said in each recording, or why it is not known; refuse what holds for none."""
    from dataset_modules.sources.annotations.contract import LabelledSegment
    from dataset_modules.sources.annotations.options import LabelOptions
    from dataset_modules.sources.annotations.side_files import SideFiles
    from dataset_modules.sources.annotations.summary import LabelSummary
    from dataset_modules.sources.folders.audio_folder import label_files_of

    if options.text or options.phonemes:
        if len(recordings) > 1:
            raise ConfigError(
                f"align: --text and --phonemes are of one recording, there are {len(recordings)}; put a "
                f"label file beside each"
            )
        phonemes = tuple((options.phonemes or "").split()) or None
        return iter([[LabelledSegment(recordings[0].audio.path, phonemes=phonemes, text=options.text)]])
    files = [
        label_files_of(one.audio.path, options.labels and options.labels / one.result.parent)
        for one in recordings
    ]
    choice = LabelOptions(kind=options.label_kind, tier=options.label_tier, longest_seconds=float("inf"))
    side = SideFiles(Path(options.recordings[0]), files, choice, LabelSummary())
    return (_segments(side, one, own) for one, own in zip(recordings, files, strict=True))


def _segments(side: "SideFiles", recording: "NamedRecording", files: "LabelFiles") -> "_Labels":
    from dataset_modules.recording import AudioError

    if side.suffix_of(files) is None:
        return "it needs --text, --phonemes, or a label file beside it or in the folder --labels"
    try:
        return side.segments(recording.audio.path, files)
    except AudioError as error:
        return str(error)
    except ValueError as error:  # what the label files hold is not clear
        raise ConfigError(f"align: {error}") from error


def _label_reader(options: argparse.Namespace) -> _ToPhonemes:
    """Return the function that turns a label into phonemes of the model's spelling."""
    from phonetics import IpaNormaliser
    from phonetics.text_to_phonemes.spoken_text import LanguageNeededError, SpokenText

    try:
        spoken = SpokenText(options.text_to_phonemes, options.language or _language_of(options.model))
    except ValueError as error:
        raise ConfigError(f"align: {error}") from error
    normalise = IpaNormaliser()

    def phonemes_of(segment: "LabelledSegment") -> Sequence[str]:
        if segment.phonemes is not None:
            return normalise(segment.phonemes)
        if not segment.text:
            raise ValueError("it has no label")
        try:
            return spoken(segment.text)
        except LanguageNeededError as error:
            raise ConfigError("align: a text needs --language, such as ru or en-us") from error

    return phonemes_of


def _language_of(model: str) -> str | None:
    """Return the language that an experiment was trained on; None if it is unknown, or there are several."""
    from inference.handover.label_sources import label_sources

    experiment = experiment_of(Path(model))
    data = read_configuration(experiment).get("data") if experiment else None
    languages = {source.language for source in label_sources(data or {}) if source.language}
    return languages.pop() if len(languages) == 1 else None


def _aligned(
    recognizer: "Recognizer", recording: "NamedRecording", labels: "_Labels", to_phonemes: _ToPhonemes
) -> tuple["Transcript", list[str]]:
    """Return the words of all segments of a recording, and what could not be aligned."""
    from dataset_modules.sources.annotations.segment_recordings import recording_of
    from dataset_modules.sources.audio import read_clip
    from inference import Transcript

    words: list[tuple[Phoneme, ...]] = []
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
        words += [tuple(phoneme.later(segment.start) for phoneme in word) for word in said.words]
    ordered = tuple(sorted(words, key=lambda word: word[0].start_seconds))
    return Transcript(recording.audio.name, recording.audio.seconds(), ordered), faults

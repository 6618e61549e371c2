"""``score MODEL RECORDING…``: recordings and what should be said in them → scores of the pronunciation."""

import argparse
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.align import add_label_options, recognizer_of
from cli.commands.transcribe import add_model_options, add_result_options
from cli.configuration.model_option import model_source, with_model_first
from cli.configuration.tool_parser import ToolParser
from experiment.errors import ConfigError
from installation import PROGRAM
from stop_signals import stop_if_requested

if TYPE_CHECKING:
    from cli.commands.pronunciation.speaker_pages import SpeakerPages
    from cli.commands.transcription.recording_labels import Labels
    from cli.commands.transcription.recordings import NamedRecording
    from scoring.candidates import CandidateChoice

log = logging.getLogger(__name__)

_FORMATS = ("text", "jsonl", "textgrid", "csv")
_CORPORA = ("speechocean762", "l2-arctic", "table")
_NAMED_CANDIDATES = ("all", "same-class")
_OF_CORPORA = ("split", "calibrate", "false_rejections")
_OF_RECORDINGS = ("text", "phonemes", "labels", "label_kind", "label_tier", "language", "pages")
_DESCRIPTION = """Score how well each expected phoneme was said, and name what was probably said instead, left
out or inserted. Expected is a text or phonemes: those of --text or --phonemes for every recording, of a table
(metadata.csv, .tsv or .jsonl with file_name and text or phonemes), or of a label file beside each recording.
Results go to standard output, or, one file each, into a folder. What cannot be scored is one line on standard
error; the exit status is 1 if there was any."""


def run_score(arguments: Sequence[str]) -> int:
    """Score; the exit status is 1 where something could not be scored."""
    options = _parser().parse_args(with_model_first(arguments))
    _check(options)
    options.model = model_source("score", options.model)
    candidates = _candidates(options.candidates)
    return (_score_corpus if options.corpus else _score_recordings)(options, candidates)


def _score_recordings(options: argparse.Namespace, candidates: "CandidateChoice") -> int:
    # Imported only now: a wrong argument should not wait for it.
    from cli.commands.pronunciation.calibration_file import calibration_of, warn_of_another_model
    from cli.commands.pronunciation.segment_scorer import SegmentScorer
    from cli.commands.transcription.recording_labels import LabelReader, label_folder
    from cli.commands.transcription.recording_results import RecordingResults
    from inference.score_formats import SCORE_FORMATS

    calibration = calibration_of(options, candidates)
    with ExitStack() as stack:
        labelled = _labelled(options, stack)
        results = RecordingResults(
            [recording for recording, _ in labelled],
            options.format,
            SCORE_FORMATS[options.format],
            options.output,
            overwrite=options.overwrite,
            label_folder=label_folder(options),
        )
        to_phonemes = LabelReader(options, "score")
        pages = _pages(options, [labels for _, labels in labelled])
        recognizer = recognizer_of(options)
        warn_of_another_model(calibration, recognizer.model)
        scored = SegmentScorer(recognizer, to_phonemes, candidates, calibration, pages)
        num_faults = 0
        for recording, labels in labelled:
            stop_if_requested()
            score, faults = scored(recording, labels)
            num_faults += len(faults)
            for fault in faults:
                log.warning("score: %s: %s", recording.audio.name, fault)
            if score is not None:
                results.write(score, recording.result)
        if options.output is not None:
            log.info("score: %s", results.summary())
        for path in pages.write() if pages else ():
            log.info("score: %s: written", path)
    return 1 if num_faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = ToolParser(prog=f"{PROGRAM} score", description=_DESCRIPTION)
    add_model_options(parser)
    parser.add_argument("recordings", nargs="+", help="files, folders, tables, or - for standard input")
    parser.add_argument("--text", help="what should be said: a text, or a file with it")
    parser.add_argument("--phonemes", help="the same as phonemes with spaces between, | between words")
    add_label_options(parser)
    parser.add_argument(
        "--candidates",
        default="all",
        help="what may be said instead of a phoneme: all, same-class (the same manner of articulation), or a "
        "file with a phoneme, a tab and its candidates in each line",
    )
    parser.add_argument("--calibration", type=Path, help="a calibration; left out, the one beside the model")
    parser.add_argument(
        "--corpus",
        choices=_CORPORA,
        help="an annotated corpus, whose folder replaces the recordings: print metrics; table: your own",
    )
    parser.add_argument(
        "--split", help="of the corpus; left out, test, or train to calibrate, or all of a table"
    )
    parser.add_argument(
        "--calibrate", action="store_true", default=None, help="write a calibration that is fitted on it"
    )
    parser.add_argument(
        "--false_rejections",
        type=float,
        help="share of right phonemes that verdicts may call wrong; left out, the threshold with the best F1",
    )
    parser.add_argument("--pages", type=Path, help="a folder for an HTML page of each speaker")
    parser.add_argument("--format", type=str.lower, choices=_FORMATS, default="text")
    add_result_options(parser)
    return parser


def _score_corpus(options: argparse.Namespace, candidates: "CandidateChoice") -> int:
    from cli.commands.pronunciation.corpus_scores import score_corpus

    return score_corpus(options, recognizer_of(options), candidates)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other."""
    if options.corpus is None:
        given = [name for name in _OF_CORPORA if getattr(options, name) is not None]
        if given:
            raise ConfigError(f"score: --{given[0]} needs --corpus")
        return
    if len(options.recordings) != 1:
        raise ConfigError(f"score: --corpus takes one folder, got {len(options.recordings)}")
    if given := [name for name in _OF_RECORDINGS if getattr(options, name)]:
        raise ConfigError(f"score: --{given[0]} needs recordings, not --corpus")
    if options.calibrate and (options.output or options.format != "text"):
        raise ConfigError("score: --output and --format are for metrics, leave them out with --calibrate")
    if options.format not in ("text", "jsonl"):
        raise ConfigError(f"score: --format of --corpus must be text or jsonl, got {options.format}")
    if options.false_rejections is not None and not options.calibrate:
        raise ConfigError("score: --false_rejections needs --calibrate")
    if options.false_rejections is not None and not 0 <= options.false_rejections < 1:
        raise ConfigError(f"score: --false_rejections must be in 0…1, got {options.false_rejections}")


def _candidates(choice: str) -> "CandidateChoice":
    from phonetics.normalisation import read_mapping

    if choice in _NAMED_CANDIDATES:
        return choice  # type: ignore[return-value]
    try:
        return read_mapping(Path(choice), "score: --candidates")
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _pages(options: argparse.Namespace, labels: Sequence["Labels"]) -> "SpeakerPages | None":
    from cli.commands.pronunciation.speaker_pages import SpeakerPages

    if options.pages is None:
        return None
    speakers = [segment.speaker for own in labels if not isinstance(own, str) for segment in own]
    return SpeakerPages(options.pages, speakers, overwrite=options.overwrite)


def _labelled(options: argparse.Namespace, stack: ExitStack) -> list[tuple["NamedRecording", "Labels"]]:
    """Find the recordings, each with what should be said in it, or why that is not known."""
    from cli.commands.transcription.label_tables import listed_recordings, table_of
    from cli.commands.transcription.recording_labels import labels_beside, stated_label
    from cli.commands.transcription.recordings import find_recordings, with_results_apart

    stated = stated_label(options, "score")
    tables = {name: table_of(name) for name in options.recordings}
    listed = [
        pair for table in tables.values() if table for pair in listed_recordings(table, stated, "score")
    ]
    names = [name for name, table in tables.items() if table is None]
    recordings = find_recordings(names, stack, "score") if names else []
    if stated is None:
        labels = list(labels_beside(options, recordings, "score")) if recordings else []
    else:
        labels = [[stated._replace(audio=recording.audio.path)] for recording in recordings]
    pairs = [*listed, *zip(recordings, labels, strict=True)]
    apart = with_results_apart([recording for recording, _ in pairs])
    return [(recording, own) for recording, (_, own) in zip(apart, pairs, strict=True)]

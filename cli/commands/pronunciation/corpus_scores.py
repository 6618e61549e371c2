"""``score MODEL --corpus NAME FOLDER``: metrics of a split of an annotated corpus, or a calibration on it."""

import argparse
import csv
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.commands.pronunciation.calibration_file import (
    calibration_of,
    calibration_path,
    warn_of_another_model,
)
from cli.commands.transcription.recording_results import prepare_files
from durable_files import write_durably
from experiment.errors import ConfigError
from inference.annotated_scores import AnnotationScorer, score_of_file
from inference.score_formats import NOTHING
from scoring.annotations.contract import AnnotatedMean, AnnotatedScore, AnnotatedUtterance
from scoring.annotations.corpora import CORPORA
from scoring.calibration import Calibration, fit_calibration, write_calibration
from scoring.detection import counts_line, described_metrics, detection_metrics, metric_lines
from stop_signals import stop_if_requested
from untrusted.json_text import json_line
from untrusted.printing import printable

if TYPE_CHECKING:
    from inference import Recognizer
    from scoring.candidates import CandidateChoice

log = logging.getLogger(__name__)

_PHONEMES_FILE, _METRICS_FILE = "phonemes.csv", "metrics.json"


def score_corpus(options: argparse.Namespace, recognizer: "Recognizer", candidates: "CandidateChoice") -> int:
    """Print metrics, or write a calibration; the exit status is 1 where an utterance could not be scored."""
    target = _calibration_target(options)
    _prepare_output(options)
    calibration = None if options.calibrate else calibration_of(options, candidates)
    warn_of_another_model(calibration, recognizer.model)
    scorer = AnnotationScorer(recognizer.model.vocabulary)
    score_of = score_of_file(recognizer, candidates, calibration)
    rows: list[AnnotatedScore] = []
    words: list[AnnotatedMean] = []
    wholes: list[AnnotatedMean] = []
    num_faults = 0
    utterances = _utterances(options)
    for utterance in utterances:
        stop_if_requested()
        try:
            scored = scorer(utterance, score_of)
        except ValueError as error:  # of the annotation, of audio, of a score
            num_faults += 1
            log.warning(
                "score: %s: %s", printable(utterance.id), printable(str(error).removeprefix("score: "))
            )
            continue
        rows += scored.phonemes
        words += scored.words
        wholes += scored.utterances
    if not rows:
        raise ConfigError(f"score: no utterance of {options.recordings[0]} could be scored")
    log.info("score: %d of %d utterances", len(utterances) - num_faults, len(utterances))
    if target is not None:
        calibration = _fitted(rows, candidates, options.false_rejections)
        write_calibration(calibration._replace(model=recognizer.model.digest()), target)
        sys.stdout.write(_described(target, rows, calibration))
    else:
        _report(options, rows, words, wholes, calibration)
    return 1 if num_faults else 0


def _calibration_target(options: argparse.Namespace) -> Path | None:
    """Return the file of the calibration to write; None where none is asked for."""
    if not options.calibrate:
        return None
    path = calibration_path(options)
    if path is None:
        raise ConfigError("score: --calibrate needs --calibration FILE, where the model is on the hub")
    return path


def _prepare_output(options: argparse.Namespace) -> None:
    if options.output:
        paths = [options.output / name for name in (_METRICS_FILE, _PHONEMES_FILE)]
        prepare_files(options.output, paths, overwrite=options.overwrite)


def _utterances(options: argparse.Namespace) -> list[AnnotatedUtterance]:
    corpus = CORPORA[options.corpus]
    usual = "all" if options.corpus == "table" else "train" if options.calibrate else "test"
    split = options.split or usual
    if split not in corpus.splits:
        raise ConfigError(
            f"score: --split of {options.corpus} must be one of {', '.join(corpus.splits)}, got {split}"
        )
    (folder,) = options.recordings
    try:
        found = list(corpus.read(Path(folder), split))
    except (OSError, ValueError) as error:
        raise ConfigError(f"score: {error}") from error
    if not found:
        raise ConfigError(f"score: {folder} must hold {options.corpus}, its split {split} has no utterances")
    return found


def _fitted(
    rows: Sequence[AnnotatedScore], candidates: "CandidateChoice", most_false_rejections: float | None
) -> Calibration:
    try:
        return fit_calibration(rows, candidates, most_false_rejections)
    except ValueError as error:
        raise ConfigError(f"score: {error}") from error


def _described(path: Path, rows: Sequence[AnnotatedScore], calibration: Calibration) -> str:
    own = len(calibration.probabilities.phonemes)
    num_wrong = sum(not row.is_right for row in rows)
    return (
        f"{printable(path)}: of {len(rows)} phonemes, {num_wrong} wrong; {own} symbols have a separate "
        f"curve; wrong below a probability of {calibration.threshold:.4f} ({calibration.criterion})\n"
    )


def _report(
    options: argparse.Namespace,
    rows: Sequence[AnnotatedScore],
    words: Sequence[AnnotatedMean],
    wholes: Sequence[AnnotatedMean],
    calibration: Calibration | None,
) -> None:
    metrics = detection_metrics(rows, words, wholes)
    described = described_metrics(metrics)
    if options.format == "jsonl":
        num_wrong = sum(not row.is_right for row in rows)
        sys.stdout.write(json_line({"phonemes": len(rows), "wrong": num_wrong, **described}) + "\n")
    else:
        line = counts_line(rows, calibration and calibration.criterion)
        sys.stdout.write("\n".join([line, *metric_lines(metrics), ""]))
    if options.output:
        write_durably(options.output / _METRICS_FILE, json_line(described) + "\n")
        write_durably(options.output / _PHONEMES_FILE, _table(rows))


def _table(rows: Sequence[AnnotatedScore]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(AnnotatedScore._fields)
    for row in rows:  # nothing said differs from a phoneme of which nobody says what it was
        said = NOTHING if row.said == "" else row.said
        writer.writerow(row._replace(said=said, found=row.found or NOTHING))
    return stream.getvalue()

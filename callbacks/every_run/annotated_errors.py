"""How well the scores of an evaluation find annotated errors of pronunciation."""

import logging
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from dataset_modules.cache.clip_store import PreparedClip
from dataset_modules.recording import EXPECTED, SAID
from experiment.contents import read_metrics, write_metrics
from experiment.layout import CALIBRATION_FILE, trained_folder
from inference.annotated_scores import AnnotatedRows, AnnotationScorer
from models import PhonemeRecognizer
from models.network.additions.base_weights import digest_of
from models.network.frames import frame_clock
from scoring.annotations.annotated_table import annotated_by_columns
from scoring.annotations.contract import AnnotatedUtterance
from scoring.calibration import Calibration, read_calibration
from scoring.detection import (
    DETECTION_DEFINITIONS,
    counts_line,
    described_metrics,
    detection_metrics,
    metric_lines,
)
from scoring.pronunciation import PronunciationScore
from scoring.scorer import PronunciationScorer
from untrusted.printing import printable
from wording import number_of

log = logging.getLogger(__name__)

Scored = AnnotatedRows | str  # why an utterance could not be scored


class ErrorScorer:
    """Scores what should have been said in clips that are labelled by what was said."""

    def __init__(self, model: PhonemeRecognizer, sampling_rate: int, folder: Path) -> None:
        clock = frame_clock(model.network_configuration, model.frontend.grid, sampling_rate)
        calibration = _calibration(trained_folder(folder) / CALIBRATION_FILE, model)
        self._score = PronunciationScorer(model.output.tokens, clock, calibration=calibration)
        self._annotated = AnnotationScorer(model.output.tokens)
        self._sampling_rate = sampling_rate

    def __call__(self, clip: PreparedClip, log_probs: Tensor) -> Scored:
        """Score a clip by the scores of its frames, (F, V)."""
        columns = {SAID: " ".join(clip.phonemes), **(clip.attributes or {})}
        seconds = len(clip.samples) / self._sampling_rate

        def score(_: AnnotatedUtterance, expected: Iterable[str]) -> PronunciationScore:
            return self._score(log_probs.float(), list(expected), seconds, clip.id)

        try:
            utterance = AnnotatedUtterance(clip.id, Path(clip.path), speaker=clip.speaker)
            return self._annotated(annotated_by_columns(utterance, columns[EXPECTED].split(), columns), score)
        except ValueError as error:  # of the annotation, or of a score
            return str(error).removeprefix("score: ")


def _calibration(path: Path, model: PhonemeRecognizer) -> Calibration | None:
    """Read the calibration of the evaluated weights; one of others would give wrong verdicts."""
    if not path.is_file() or model.network is None:
        return None
    try:
        calibration = read_calibration(path)
    except ValueError as error:
        log.warning("%s", error)
        return None
    if calibration.candidates != "all":
        log.warning("%s is of other candidates than all: there are no verdicts", path)
        return None
    if calibration.model not in (None, digest_of(model.network.state_dict())):
        log.warning("%s is of other weights: there are no verdicts; score --calibrate fits it again", path)
        return None
    return calibration


def write_detection(folder: Path, split: str, scored: Iterable[Scored]) -> None:
    """Add to ``metrics.json`` how well errors are found in a split, and log it."""
    listed = list(scored)
    found = [one for one in listed if isinstance(one, AnnotatedRows)]
    faults = [one for one in listed if isinstance(one, str)]
    if faults:
        log.warning(
            "%s: %s of %d with annotated errors could not be scored, the first one because: %s",
            *(split, number_of(len(faults), "utterance"), len(listed), printable(faults[0])),
        )
    rows = [row for one in found for row in one.phonemes]
    metrics = detection_metrics(
        rows,
        [mean for one in found for mean in one.words],
        [mean for one in found for mean in one.utterances],
    )
    content = read_metrics(folder)
    counts = {"phonemes": len(rows), "wrong": sum(not row.is_right for row in rows)}
    content.setdefault("pronunciation", {})[split] = counts | described_metrics(metrics)
    meanings = {name: meaning for name, meaning in DETECTION_DEFINITIONS.items() if name in metrics}
    content["definitions"] = content.get("definitions", {}) | meanings
    write_metrics(folder, content)
    has_verdicts = "recall" in metrics
    counted = counts_line(rows, CALIBRATION_FILE if has_verdicts else None)
    lines = [f"{split}_{line}" for line in metric_lines(metrics)]
    log.info("%s", "\n".join([f"{split}: {counted}", *lines]))

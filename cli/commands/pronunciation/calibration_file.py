"""The calibration of a model: the file that is named, or the one beside the model."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from experiment.errors import ConfigError
from experiment.layout import CALIBRATION_FILE, experiment_of

if TYPE_CHECKING:
    from inference.acoustic_model import AcousticModel
    from scoring.calibration import Calibration
    from scoring.candidates import CandidateChoice

log = logging.getLogger(__name__)


def calibration_path(options: argparse.Namespace) -> Path | None:
    """Return where the model's calibration lies, or would lie; None for a hub id without one."""
    if options.calibration:
        return Path(options.calibration)
    model = Path(options.model)
    folder = experiment_of(model) or (model if model.is_dir() else model.parent)
    return folder / CALIBRATION_FILE if model.exists() else None


def calibration_of(options: argparse.Namespace, candidates: "CandidateChoice") -> "Calibration | None":
    """Read the calibration; one beside the model that is of other candidates is left out with a warning."""
    from scoring.calibration import read_calibration

    path = calibration_path(options)
    if path is None or (not options.calibration and not path.is_file()):
        return None
    try:
        calibration = read_calibration(path)
    except ValueError as error:
        raise ConfigError(f"score: {error}") from error
    if calibration.candidates == candidates:
        return calibration
    message = f"{path} is of other --candidates"
    if options.calibration:
        raise ConfigError(f"score: --calibration must be of the same candidates, {message}")
    log.warning("score: %s: there are no verdicts", message)
    return None


def warn_of_another_model(calibration: "Calibration | None", model: "AcousticModel") -> None:
    """Warn where a calibration was fitted on the scores of another model, as after further training."""
    if calibration and calibration.model and calibration.model != model.digest():
        log.warning(
            "score: the calibration is of another model, or of other weights of this one: probabilities and "
            "verdicts may be wrong; fit it again with --calibrate"
        )

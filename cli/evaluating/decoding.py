"""The search that ``test`` decodes with, as the configuration's decoding section states it."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from cli.configuration.sections import DecodingSection
from dataset_modules.datamodule import PhonemeDataModule
from durable_files import write_durably
from experiment.errors import ConfigError
from experiment.layout import LANGUAGE_MODEL_FILE
from installation import PROGRAM
from models import PhonemeRecognizer
from phonetics import Vocabulary

if TYPE_CHECKING:
    from inference.decoding.beam_search import BeamDecoder
    from inference.decoding.ngram import NgramModel

log = logging.getLogger(__name__)

LABELS = "labels"  # the language model of the training labels
WIDEST_BEAM = 1000
MOST_ORDER = 20
_LARGEST_WEIGHT = 1000.0


def check_decoding(section: DecodingSection) -> None:
    """Refuse values out of range, and a language model without a beam search."""
    for name, most in (("beam", WIDEST_BEAM), ("order", MOST_ORDER)):
        if not 1 <= getattr(section, name) <= most:
            raise ConfigError(f"decoding: {name} must be between 1 and {most}, got {getattr(section, name)}")
    for name in ("lm_weight", "token_bonus"):
        if not abs(getattr(section, name)) <= _LARGEST_WEIGHT:  # NaN is refused, too
            raise ConfigError(
                f"decoding: {name} must be a number up to {_LARGEST_WEIGHT:g}, got {getattr(section, name)}"
            )
    if section.language_model is not None and section.beam == 1:
        raise ConfigError("decoding: language_model needs a beam search, such as decoding.beam: 16")
    if section.language_model not in (None, LABELS) and not Path(str(section.language_model)).is_file():
        raise ConfigError(
            f"decoding: language_model must be {LABELS} or an ARPA file, got {section.language_model}"
        )


def set_test_decoder(
    section: DecodingSection, model: PhonemeRecognizer, data: PhonemeDataModule, folder: Path | None
) -> None:
    """Give the model its decoder of test data; keep an estimated language model in the folder."""
    if section.beam == 1:
        return
    if section.language_model is not None and model.output.is_mapped:
        raise ConfigError("decoding: language_model needs a head over vocab_file, not one of another model")
    from inference.decoding.beam_search import BeamDecoder

    language_model = _language_model(section, data, model.vocabulary)
    model.test_decoder = BeamDecoder(
        model.output.tokens,
        section.beam,
        language_model,
        lm_weight=section.lm_weight,
        token_bonus=section.token_bonus,
    )
    if folder is not None and language_model is not None and section.language_model == LABELS:
        write_durably(folder / LANGUAGE_MODEL_FILE, language_model.to_arpa())
    log.info("%s", _described(model.test_decoder, section, folder))


def _language_model(
    section: DecodingSection, data: PhonemeDataModule, vocabulary: Vocabulary
) -> "NgramModel | None":
    from inference.decoding.ngram import NgramError, estimate, read_arpa

    if section.language_model is None:
        return None
    if section.language_model == LABELS:
        return estimate(_distinct_labels(data, vocabulary), section.order)
    try:
        return read_arpa(Path(section.language_model))
    except NgramError as error:
        raise ConfigError(f"decoding: language_model: {error}") from error


def _distinct_labels(data: PhonemeDataModule, vocabulary: Vocabulary) -> list[list[str]]:
    """Return each different training label once: copies of recordings are no further evidence."""
    if "train" not in data.splits:
        data.open_split("train")
    labels = data.splits["train"].labels
    distinct = {tuple(labels[row]) for row in range(len(labels))}
    return [[vocabulary.tokens[token] for token in ids] for ids in sorted(distinct) if ids]


def _described(decoder: "BeamDecoder", section: DecodingSection, folder: Path | None) -> str:
    if decoder.language_model is None:
        return f"test: decoded by a beam search, {section.beam} hypotheses"
    file = section.language_model
    if file == LABELS and folder is not None:
        file = str(folder / LANGUAGE_MODEL_FILE)
    return (
        f"test: decoded by a beam search with {len(decoder.language_model.entries)} n-grams, as in {PROGRAM} "
        f"transcribe … --beam {section.beam} --lm {file} --lm_weight {section.lm_weight:g} "
        f"--token_bonus {section.token_bonus:g}"
    )

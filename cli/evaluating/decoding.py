"""The search that ``test`` decodes with, as the configuration's decoding section states it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.configuration.sections import DecodingSection
from dataset_modules.datamodule import PhonemeDataModule
from durable_files import write_durably
from evaluation.error_counts import phoneme_edits
from evaluation.metrics import gather_from_processes
from experiment.errors import ConfigError
from experiment.kept_search import KeptSearch, write_search
from experiment.layout import DECODING_FILE, LANGUAGE_MODEL_FILE
from models import PhonemeRecognizer
from models.evaluated_model import ScoredUtterance
from phonetics import Vocabulary
from stop_signals import stop_if_requested

if TYPE_CHECKING:
    from inference.decoding.beam_search import BeamDecoder
    from inference.decoding.ngram import NgramModel

log = logging.getLogger(__name__)

LABELS = "labels"  # the language model of the training labels
MOST_ORDER = 20
# What is tried on validation data, in this order; the first decoder has the middle ones.
_TRIED = {"token_bonus": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0), "lm_weight": (0.2, 0.35, 0.5, 0.7, 1.0)}
_MIDDLE = {"token_bonus": 1.5, "lm_weight": 0.5}


def check_decoding(section: DecodingSection) -> None:
    """Refuse values out of range, and a language model without a beam search."""
    if faults := KeptSearch(
        section.beam, section.lm_weight or 0.0, section.token_bonus or 0.0, False
    ).faults():
        raise ConfigError(f"decoding: {faults}")
    if not 1 <= section.order <= MOST_ORDER:
        raise ConfigError(f"decoding: order must be between 1 and {MOST_ORDER}, got {section.order}")
    if section.language_model is not None and section.beam == 1:
        raise ConfigError("decoding: language_model needs a beam search, such as decoding.beam: 16")
    if section.language_model not in (None, LABELS) and not Path(str(section.language_model)).is_file():
        raise ConfigError(
            f"decoding: language_model must be {LABELS} or an ARPA file, got {section.language_model}"
        )


def set_test_decoder(
    section: DecodingSection, model: PhonemeRecognizer, data: PhonemeDataModule, folder: Path | None
) -> None:
    """Give the model its decoder of test data, or what chooses one on validation data."""
    if section.beam == 1:
        if folder is not None:
            (folder / DECODING_FILE).unlink(missing_ok=True)  # of an earlier start of the run
        return
    from inference.decoding.beam_search import BeamDecoder

    language_model = _language_model(section, data, model.vocabulary)
    weights = {name: getattr(section, name) for name in _TRIED}
    chosen = [name for name, value in weights.items() if value is None]
    first = _MIDDLE
    if language_model is None:
        chosen = [name for name in chosen if name != "lm_weight"]
        first = _MIDDLE | {"token_bonus": 0.0}  # nothing prefers short sequences
    weights = {name: first[name] if value is None else value for name, value in weights.items()}
    decoder = BeamDecoder(model.output.tokens, section.beam, language_model, **weights)
    if chosen and _has_validation(data):
        model.choose_test_decoder = _DecoderChoice(model, decoder, chosen, folder)
    else:
        _keep(decoder, folder)
        model.test_decoder = decoder


def _has_validation(data: PhonemeDataModule) -> bool:
    """Open validation data; return whether any can be used."""
    if "val" not in data.splits and not data.sources.is_empty("val"):
        data.open_split("val")
    return "val" in data.splits and len(data.splits["val"]) > 0


@dataclass(frozen=True)
class _DecoderChoice:
    """Chooses weights of a decoder: those with the fewest errors on validation data."""

    model: PhonemeRecognizer
    decoder: "BeamDecoder"
    names: Sequence[str]
    folder: Path | None

    def __call__(self, utterances: Sequence[ScoredUtterance]) -> "BeamDecoder":
        """Try the values of one weight after the other, the others as they are."""
        decoder = self.decoder
        for name in self.names:
            values: list[dict[str, Any]] = [{name: value} for value in _TRIED[name]]
            tried = [replace(decoder, **one) for one in values]
            shares = gather_from_processes([self._errors(one, utterances) for one in tried])
            errors = [sum(counts) for counts in zip(*shares, strict=True)]
            decoder = tried[errors.index(min(errors))]
        _keep(decoder, self.folder)
        return decoder

    def _errors(self, decoder: "BeamDecoder", utterances: Sequence[ScoredUtterance]) -> int:
        errors = 0
        for one in utterances:
            stop_if_requested()
            found = self.model.output.phonemes(list(decoder.best(one.log_probs)), one.language)
            errors += phoneme_edits(one.reference, found).errors
        return errors


def _language_model(
    section: DecodingSection, data: PhonemeDataModule, vocabulary: Vocabulary
) -> "NgramModel | None":
    from inference.decoding.ngram import NgramError, estimate, read_arpa

    if section.language_model is None:
        return None
    try:
        if section.language_model == LABELS:
            return estimate(_distinct_labels(data, vocabulary), section.order)
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


def _keep(decoder: "BeamDecoder", folder: Path | None) -> None:
    """Keep the search in the experiment, for ``transcribe``, and log it."""
    model = decoder.language_model
    search = KeptSearch(decoder.beam_size, decoder.lm_weight, decoder.token_bonus, model is not None)
    if folder is not None:
        if model is not None:
            write_durably(folder / LANGUAGE_MODEL_FILE, model.to_arpa())
        write_search(folder, search)
    log.info(
        "test: decoded by a beam search, %d hypotheses%s, token bonus %g",
        search.beam,
        f", {len(model.entries)} n-grams of weight {search.lm_weight:g}" if model else "",
        search.token_bonus,
    )

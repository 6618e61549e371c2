"""The search that an experiment's test data were decoded with, for further recordings."""

from pathlib import Path

from experiment.kept_search import read_search
from experiment.layout import LANGUAGE_MODEL_FILE
from inference.decoding.beam_search import BeamDecoder
from inference.decoding.ngram import read_arpa
from phonetics import Vocabulary


def kept_decoder(experiment: Path, vocabulary: Vocabulary) -> BeamDecoder | None:
    """Build the search that an experiment has kept; None where its test data were decoded greedily."""
    search = read_search(experiment)
    if search is None:
        return None
    language_model = read_arpa(experiment / LANGUAGE_MODEL_FILE) if search.has_language_model else None
    weights = {"lm_weight": search.lm_weight, "token_bonus": search.token_bonus}
    return BeamDecoder(vocabulary, search.beam, language_model, **weights)

"""Recognisers over tiny networks, built once."""

import pytest

from inference import Recognizer
from tests.inference.tiny_models import VOCABULARY, build_model


@pytest.fixture(scope="session")
def model_of():
    built = {}

    def model(family, **network):
        key = (family, *network.items())
        if key not in built:
            built[key] = build_model(family, **network)
        return built[key]

    return model


@pytest.fixture
def recognizer_of(model_of):
    def recognizer(family="Wav2Vec2 layer", network=None, **arguments):
        return Recognizer(model_of(family, **(network or {})), **arguments)

    return recognizer


@pytest.fixture
def vocab_file(tmp_path):
    path = tmp_path / "vocab.json"
    path.write_text(VOCABULARY.to_json(), encoding="utf-8")
    return path

"""A running page with two tiny models."""

import threading
from collections.abc import Iterator

import pytest

from inference.recognizer import Recognizer
from scoring.scorer import PronunciationScorer
from tests.inference.tiny_models import VOCABULARY, build_model
from tests.webpage.test_answers import wav
from webpage.answers import Answers, OfferedModel, Question
from webpage.server import PageServer


@pytest.fixture(scope="package")
def dictionary(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "words.dict"
    path.write_text("да a n\nнет n a tʃ\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="package")
def models(dictionary) -> dict[str, OfferedModel]:
    found = {}
    for name, family in (("first", "Wav2Vec2 layer"), ("second", "Hubert")):
        model = build_model(family)
        scorer = PronunciationScorer(VOCABULARY, model.clock)
        languages = {"ru": "Russian", "it": "Italian"} if name == "first" else {"ru": "Russian"}
        found[name] = OfferedModel(Recognizer(model), scorer, dictionary, languages)
    return found


@pytest.fixture(scope="package")
def server(models) -> Iterator[PageServer]:
    answers = Answers(models)
    answers(Question(wav(), "first"))  # the drawing's library takes seconds, or many where others work, too
    with PageServer("127.0.0.1", 0, answers) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()

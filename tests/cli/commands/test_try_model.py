"""``try`` offers models as ``transcribe`` and ``score`` load them, and finds an address to serve at."""

import io
import json
import socket

import pytest
import soundfile

from cli.run import run
from tests.inference.tiny_models import speech
from webpage.answers import Question
from webpage.server import PageServer


@pytest.fixture
def served(monkeypatch):
    """Servers that would have run; each ends at once."""
    servers = []
    monkeypatch.setattr(PageServer, "serve_forever", lambda server: servers.append(server))
    return servers


def dictionary(folder):
    path = folder / "words.dict"
    path.write_text("на n a\n", encoding="utf-8")
    return str(path)


def printed(capsys, *arguments):
    assert run([*arguments, "--device", "cpu"]) == 0
    return json.loads(capsys.readouterr().out)


def test_answers_are_those_of_transcribe_and_score(experiment, served, tmp_path, capsys):
    path = str(tmp_path / "said.wav")
    soundfile.write(path, speech(2.0), 16000, subtype="FLOAT")
    sentence = ("--language", "ru", "--text_to_phonemes", dictionary(tmp_path))
    assert run(["try", experiment, *sentence, "--port", "0", "--device", "cpu"]) == 0
    (server,) = served
    assert f"Open {server.address} in" in capsys.readouterr().out
    with open(path, "rb") as stream:
        answer = server.answers(Question(stream.read(), experiment, "ru", "на"))
    transcript = printed(capsys, "transcribe", experiment, path, "--format", "jsonl")
    assert answer["transcript"] == transcript | {"name": "recording"}
    score = printed(capsys, "score", experiment, path, *sentence, "--text", "на", "--format", "jsonl")
    (word,) = answer["score"]["words"]
    cells = [
        (one["above"], round(one["start"], 4), round(one["end"], 4)) for one in word if one["kind"] != "added"
    ]
    assert cells == [(one["symbol"], one["start"], one["end"]) for one in score["words"][0]["phonemes"]]
    assert answer["score"]["gop"] == pytest.approx(score["gop"], abs=1e-4)


def test_the_languages_of_sentences_are_those_stated(experiment, served):
    assert run(["try", experiment, "--language", "it", "en", "--port", "0", "--device", "cpu"]) == 0
    languages = served[0].answers.offer()["models"][experiment]
    assert list(languages) == ["it", "en"]
    assert languages["it"] == "Italian"


def test_of_all_languages_none_is_taken_unasked(experiment, served):
    assert run(["try", experiment, "--port", "0", "--device", "cpu"]) == 0
    answers = served[0].answers
    languages = list(answers.offer()["models"][experiment])
    assert languages[0] == ""
    assert len(languages) > 50
    stream = io.BytesIO()
    soundfile.write(stream, speech(2.0), 16000, format="WAV")
    answer = answers(Question(stream.getvalue(), experiment, languages[0], "на"))
    assert answer["score"] == {"fault": "Choose the language of the sentence."}


def test_another_port_is_taken_where_the_usual_one_is_not_free(experiment, served, monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr("cli.commands.try_model._PORT", taken.getsockname()[1])
        assert run(["try", experiment, "--text_to_phonemes", dictionary(tmp_path), "--device", "cpu"]) == 0
        assert served[0].server_address[1] != taken.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--language", "qq"], "'qq'"),
        (["--text_to_phonemes", "epitran"], "epitran needs --language"),
        (["--port", "70000", "--language", "ru"], "0…65535"),
        (["--host", "192.0.2.1", "--language", "ru"], "cannot serve"),
    ],
    ids=["language", "epitran", "port", "host"],
)
def test_what_cannot_work_is_refused(experiment, served, capsys, arguments, said):
    assert run(["try", experiment, *arguments, "--device", "cpu"]) == 2
    assert said in capsys.readouterr().err
    assert served == []

"""``export`` with an upload: what is refused before anything is written, and a whole upload."""

import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from cli.run import run
from tests.inference.handover.hub_stand_in import TOKEN, served

CHECKPOINT = (
    Path(__file__).parents[2] / "journeys" / "written_before" / "experiments/tones/checkpoints/last.ckpt"
)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "no_tokens"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with served() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        yield hub


def _export(folder, *options):
    return run(["export", str(CHECKPOINT), "--to", "hf", "--output", str(folder), *options])


def test_an_export_is_uploaded(hub, tmp_path):
    folder = tmp_path / "exported"
    assert _export(folder, "--push", "anna/tones", "--private", "--license", "mit") == 0
    uploaded = hub.repositories["anna/tones"]
    assert uploaded == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert hub.private["anna/tones"]
    assert json.loads(uploaded["vocab.json"])


def test_without_a_token_nothing_is_exported(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN")
    assert _export(tmp_path / "exported", "--push", "anna/tones") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "exported").exists()


def test_a_private_upload_needs_a_name(tmp_path, capsys):
    assert _export(tmp_path / "exported", "--private") == 2
    assert "--private needs --push OWNER/NAME" in capsys.readouterr().err


def test_a_language_that_the_page_would_refuse_is_refused_before_anything_is_written(tmp_path, capsys):
    command = ["export", str(CHECKPOINT), "--to", "space", "--output", str(tmp_path / "space")]
    assert run([*command, "--language", "ru", "klingon"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: export: --language: ")
    assert "'klingon'" in error
    assert not (tmp_path / "space").exists()

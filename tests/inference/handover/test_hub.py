"""Uploads to a stand-in for the hub, with huggingface_hub's real client."""

import pytest
from huggingface_hub import HfApi, constants

from inference.handover.bundle import export
from inference.handover.hub import check_access, push
from inference.handover.huggingface import ExportError
from inference.handover.model_card import Provenance
from tests.inference.handover.hub_stand_in import TOKEN, served

NAME = "anna/phonemes"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A server that the client talks to; the token comes from the environment."""
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "no_tokens"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with served() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        assert HfApi().endpoint == hub.address
        yield hub


@pytest.fixture
def folder(model_of, tmp_path):
    folder = tmp_path / "hf"
    export(model_of("Wav2Vec2 layer"), "hf", folder, Provenance("demo", {}, {}, {}), license_name="mit")
    return folder


def test_a_whole_folder_is_uploaded(hub, folder):
    check_access(NAME)
    assert push(folder, NAME, private=False) == f"{hub.address}/{NAME}"
    expected = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert hub.repositories[NAME] == expected
    assert {"model.safetensors", "README.md", "vocab.json"} <= expected.keys()
    assert hub.private[NAME] is False


def test_a_private_repository_stays_private(hub, folder):
    push(folder, NAME, private=True)
    push(folder, NAME, private=True)
    assert hub.private[NAME] is True


def test_nothing_private_goes_into_a_public_repository(hub, folder):
    hub.repositories[NAME], hub.private[NAME] = {}, False
    with pytest.raises(ExportError, match="--private needs a private repository, anna/phonemes exists"):
        push(folder, NAME, private=True)
    assert hub.repositories[NAME] == {}


def test_without_a_token_the_places_of_one_are_named(hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ExportError, match=r"needs a token of the hub, there is none; set HF_TOKEN"):
        check_access(NAME)


def test_a_refused_token_is_one_line(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ExportError, match=r"^export: --push anna/phonemes: the hub refused with 401: .*$"):
        check_access(NAME)


def test_a_missing_right_is_one_line_and_names_the_folder(hub, folder):
    hub.refuses = True
    with pytest.raises(ExportError) as raised:
        push(folder, NAME, private=False)
    assert str(raised.value) == (
        "export: --push anna/phonemes: the hub refused with 403: You don't have the rights to create a model "
        f"here; the token may not write there; the export is complete: hf upload anna/phonemes {folder}"
    )


def test_a_missing_network_is_one_line(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        ExportError, match=r"^export: --push anna/phonemes: the hub cannot be reached \(.*\)$"
    ):
        check_access(NAME)


@pytest.mark.parametrize("name", ["phonemes", "a/b/c", "anna/ph onemes"])
def test_a_wrong_name_is_refused(hub, name):
    with pytest.raises(ExportError, match="--push"):
        check_access(name)

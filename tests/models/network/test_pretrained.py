"""Configurations and pretrained folders."""

import json
import logging

import pytest
import torch
from transformers import AutoModelForCTC

from models import PhonemeRecognizer
from models.network.pretrained import build_network, network_configuration


@pytest.fixture
def pretrained(recognizer, tmp_path):
    """A folder as ``save_pretrained`` leaves it, with a head over another vocabulary."""
    network = recognizer().network
    network.config.vocab_size = 9
    network.lm_head = torch.nn.Linear(32, 9)
    network.save_pretrained(tmp_path / "pretrained")
    return tmp_path / "pretrained"


def configuration(name, pretrained, overrides=None):
    return network_configuration(name, str(pretrained), overrides, vocab_size=6, blank_id=2)


def test_a_pretrained_encoder_comes_with_a_new_head(pretrained):
    network = build_network(configuration("Wav2Vec2", pretrained), str(pretrained))
    original = AutoModelForCTC.from_pretrained(pretrained)
    assert network.lm_head.weight.shape == (6, 32)
    assert network.config.pad_token_id == 2
    for name, value in original.base_model.state_dict().items():
        assert torch.equal(value, network.base_model.state_dict()[name]), name


def test_a_new_head_is_new_even_where_its_size_is_the_same(pretrained):
    config = network_configuration("Wav2Vec2", str(pretrained), None, vocab_size=9, blank_id=0)
    network = build_network(config, str(pretrained))
    assert not torch.equal(network.lm_head.weight, AutoModelForCTC.from_pretrained(pretrained).lm_head.weight)


def test_a_right_load_frightens_nobody(pretrained, caplog):
    with caplog.at_level(logging.WARNING):
        build_network(configuration("Wav2Vec2", pretrained), str(pretrained))
    assert not caplog.records


@pytest.mark.parametrize("layout", ["sharded", "bin", "sharded bin"])
def test_weights_may_be_in_any_layout_of_transformers(pretrained, layout):
    original = AutoModelForCTC.from_pretrained(pretrained)
    (pretrained / "model.safetensors").unlink()
    state = original.state_dict()
    if layout == "sharded":
        original.save_pretrained(pretrained, max_shard_size="20KB")
        assert (pretrained / "model.safetensors.index.json").is_file()
    elif layout == "bin":
        torch.save(state, pretrained / "pytorch_model.bin")
    else:
        names = {key: f"pytorch_model-0000{1 + place % 2}-of-00002.bin" for place, key in enumerate(state)}
        for file in set(names.values()):
            torch.save({key: state[key] for key in state if names[key] == file}, pretrained / file)
        index = {"metadata": {"total_size": 1}, "weight_map": names}
        (pretrained / "pytorch_model.bin.index.json").write_text(json.dumps(index), encoding="utf-8")
    network = build_network(configuration("Wav2Vec2", pretrained), str(pretrained))
    for name, value in original.base_model.state_dict().items():
        assert torch.equal(value, network.base_model.state_dict()[name]), name


def test_a_checkpoint_as_pretrained_name_is_pointed_to_its_option():
    with pytest.raises(ValueError, match=r"to start from a checkpoint, give --ckpt_path .*best\.ckpt"):
        configuration("Wav2Vec2", "experiments/mine/best.ckpt")


def test_overrides_reach_a_pretrained_network(pretrained):
    network = build_network(configuration("Wav2Vec2", pretrained, {"hidden_dropout": 0.33}), str(pretrained))
    assert network.base_model.encoder.dropout.p == 0.33


def test_the_wrong_family_is_refused(pretrained):
    with pytest.raises(ValueError, match="network_name must be the family .*; set network_name: Wav2Vec2"):
        configuration("Hubert", pretrained)


def test_a_folder_without_weights_is_refused(pretrained):
    (pretrained / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        configuration("Wav2Vec2", pretrained)


def test_an_unknown_key_names_its_neighbours(pretrained):
    with pytest.raises(ValueError, match="hidden_size"):
        configuration("Wav2Vec2", pretrained, {"hiden_size": 4})


def test_the_key_of_another_network_names_the_way_out(pretrained):
    with pytest.raises(ValueError, match=r"conv_depthwise_kernel_size.*--model\.network_config null"):
        configuration("Wav2Vec2", pretrained, {"conv_depthwise_kernel_size": 15})


@pytest.mark.parametrize("name", ["/nowhere/at_all", "./nowhere", "~/nowhere", "data/nowhere"])
def test_a_path_that_is_no_folder_is_not_asked_of_the_hub(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    with pytest.raises(ValueError, match="pretrained_name looks like a path, but"):
        configuration("Wav2Vec2", name)


def test_weights_that_a_checkpoint_brings_are_not_read_before(pretrained, vocab_file, caplog):
    """Nor does it matter how they were stored: the network is the one that reading them would give."""
    AutoModelForCTC.from_pretrained(pretrained).half().save_pretrained(pretrained)
    networks = []
    for awaits in (False, True):
        caplog.clear()
        model = PhonemeRecognizer(vocab_file, pretrained_name=str(pretrained), lr=1e-3)
        model.awaits_checkpoint = awaits
        torch.manual_seed(5)
        with caplog.at_level(logging.INFO):
            model.configure_model()
        assert ("encoder from" in caplog.text) is not awaits
        networks.append(model.network)
    read, awaiting = networks
    assert read.config.to_dict() == awaiting.config.to_dict()
    ours, theirs = read.state_dict(), awaiting.state_dict()
    assert {name: value.dtype for name, value in ours.items()} == {
        name: value.dtype for name, value in theirs.items()
    }
    projection = "wav2vec2.feature_projection.projection.weight"
    assert ours[projection].dtype == torch.float32
    assert not torch.equal(ours[projection], theirs[projection])

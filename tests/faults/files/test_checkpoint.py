"""A stranger's checkpoint is data: it is refused in one line where it does not describe its own weights."""

import json
import zipfile

import pytest
import torch

from models.weights import CHECKPOINT_KEY


def change(experiment, alter):
    """Alter the content of the best checkpoint, and write it back."""
    path = experiment / "checkpoints" / json.loads((experiment / "checkpoints/best.json").read_text())["path"]
    content = torch.load(path, weights_only=True)
    result = alter(content)
    torch.save(content if result is None else result, path)
    return path


def of_network(**values):
    def alter(content):
        described = content[CHECKPOINT_KEY]
        network = json.loads(described["network_config"]) | values
        described["network_config"] = json.dumps(network)

    return alter


def described_as(**values):
    return lambda content: content[CHECKPOINT_KEY].update(values)


BEYOND = [
    {"num_hidden_layers": 10**7},
    {"num_hidden_layers": 999},
    {"num_adapter_layers": 10**6, "add_adapter": True},
    {"hidden_size": 10**9},
    {"hidden_size": 2**17},
    {"vocab_size": 10**9},
    {"vocab_size": 10**5},
    {"intermediate_size": -1},
    {"num_attention_heads": 0},
    {"num_hidden_layers": "many"},
    {"num_hidden_layers": 1.5},
    {"hidden_size": None},
    {"hidden_act": "none such"},
    {"hidden_act": ["x"]},
    {"max_source_positions": 10**12, "position_embeddings_type": "relative"},
    {"layer_norm_eps": float("nan")},
    {"tdnn_dim": list(range(10**5))},
    {"model_type": "llama"},
    {"model_type": None},
    {"model_type": "wav2vec2"},
]


@pytest.mark.parametrize("values", BEYOND, ids=str)
def test_a_network_without_weights_is_refused_before_it_is_built(experiment, refused, values):
    path = change(experiment, of_network(**values))
    refused("transcribe", path, "a.wav", naming=(path.name,))


@pytest.mark.parametrize(
    "values",
    [
        {"network_config": ""},
        {"network_config": "{"},
        {"network_config": "[]"},
        {"network_config": "[" * 100_000},
        {"network_config": 3},
        {"network_config": None},
        {"vocabulary": 3},
        {"vocabulary": []},
        {"vocabulary": ["a"]},
        {"vocabulary": ["[PAD]", "a", "b"]},
        {"vocabulary": ["[PAD]", 1, 2]},
        {"vocabulary": "abc"},
        {"audio_params": {}, "vocabulary": None},
        {"audio_params": {"sampling_rate": 1}},
        {"audio_params": {"sampling_rate": 10**12}},
        {"audio_params": {"sampling_rate": "fast"}},
        {"audio_params": {"sampling_rate": float("nan")}},
        {"audio_params": {"unknown": 1}},
        {"audio_params": ["x"]},
        {"audio_params": {"padding_value": float("inf")}},
    ],
    ids=lambda values: str(values)[:60],
)
def test_a_description_of_another_type(experiment, refused, values):
    path = change(experiment, described_as(**values))
    refused("transcribe", path, "a.wav", naming=(path.name,))


@pytest.mark.parametrize(
    "alter",
    [
        lambda content: content.update({CHECKPOINT_KEY: "x"}),
        lambda content: content.update({CHECKPOINT_KEY: {}}),
        lambda content: content.update({CHECKPOINT_KEY: {"vocabulary": ["[PAD]"]}}),
        lambda content: content.update(state_dict=[]),
        lambda content: content.update(state_dict={"network.x": 3}),
        lambda content: content.update(state_dict={}),
        lambda content: content["state_dict"].update({"network.more": torch.zeros(1)}),
        lambda content: content["state_dict"].update({"network.lm_head.bias": torch.zeros(1).expand(14)}),
        lambda content: content["state_dict"].update({"network.lm_head.bias": torch.zeros(10**6)}),
        lambda content: content.update(global_step="x"),
        lambda content: [1, 2],
    ],
)
def test_content_of_another_type(experiment, refused, alter):
    path = change(experiment, alter)
    refused("transcribe", path, "a.wav", naming=(path.name,))


def test_code_is_not_run(experiment, refused, tmp_path):
    class Runs:
        def __reduce__(self):
            return (print, ("code has run",))

    path = change(experiment, lambda content: content.update(state_dict=Runs()))
    assert "nothing in it was run" in refused("transcribe", path, "a.wav", naming=(path.name,))


def test_an_archive_that_grows(experiment, refused):
    path = change(experiment, lambda content: None)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10**8)
    refused("transcribe", path, "a.wav", naming=(path.name, "compressed"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 1000, b"\x80\x02."])
def test_a_file_that_is_no_checkpoint(experiment, refused, content):
    path = experiment / "checkpoints" / "other.ckpt"
    path.write_bytes(content)
    refused("transcribe", path, "a.wav", naming=("other.ckpt",))

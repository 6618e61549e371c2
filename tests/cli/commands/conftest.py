"""An experiment to use models of."""

import json

import pytest
import torch

from models import PhonemeRecognizer
from tests.inference.tiny_models import FAMILIES, VOCABULARY


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """An experiment's folder with the checkpoint of a tiny network, trained on nothing."""
    folder = tmp_path_factory.mktemp("experiments") / "tiny"
    (folder / "checkpoints").mkdir(parents=True)
    torch.manual_seed(1)
    (folder / "vocab.json").write_text(VOCABULARY.to_json(), encoding="utf-8")
    name, network = FAMILIES["Wav2Vec2 layer"]
    module = PhonemeRecognizer(folder / "vocab.json", network_name=name, network_config=network)
    module.configure_model()
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / "checkpoints" / "best.ckpt")
    (folder / "checkpoints" / "best.json").write_text(json.dumps({"path": "best.ckpt"}))
    return str(folder)

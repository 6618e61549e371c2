"""What helps with little speech, all at once, from the command line: train, resume, evaluate, hand over."""

from pathlib import Path

import pytest

from cli.run import run
from tests.journeys.configuration import configuration, sentences, written
from tests.journeys.experiments import assert_same_weights, last_checkpoint, metrics_of
from tests.models.conftest import TINY

pytestmark = pytest.mark.slow
THREE_LAYERS = TINY["Wav2Vec2"] | {"num_hidden_layers": 3, "mask_time_prob": 0.2, "mask_time_length": 2}
TRAINER = {"max_epochs": 3, "enable_model_summary": False}
EXTENDED = {
    "network_config": THREE_LAYERS,
    "freeze_feature_extractor": True,
    "intermediate_ctc": {"layers": [1], "self_conditioning": True},
    "consistency": {"weight": 0.2},
    "layer_mix": True,
    "unfreeze": {0: "head", 3: "top 2", 7: "all but convolutions"},
}


def fit(config: Path, name: str, *options: str) -> None:
    arguments = ["fit", "--config", str(config), "--custom_folder_name", name, "--write_report", "false"]
    assert run([*arguments, *options]) == 0


@pytest.fixture(scope="module")
def extended(place: Path) -> Path:
    """A run of fifteen steps with all of it on; return its configuration."""
    data = {"dataset_classes": sentences(20, 6, 6)}
    config = written(place / "all.yaml", configuration(place, model=EXTENDED, data=data, trainer=TRAINER))
    fit(config, "whole")
    return config


@pytest.mark.parametrize("steps", [2, 8])  # of five in an epoch
def test_with_all_of_it_a_run_stopped_in_mid_epoch_resumes_to_the_bit(
    extended: Path, place: Path, steps: int
) -> None:
    name = f"stopped_{steps}"
    fit(extended, name, "--trainer.max_steps", str(steps))
    fit(extended, name, "--ckpt_path", "last")
    assert last_checkpoint(place / "experiments" / name)["global_step"] == 15
    assert_same_weights(place / "experiments" / name, place / "experiments/whole")


def test_metrics_hold_the_shares_of_the_layers(extended: Path, place: Path) -> None:
    metrics = metrics_of(place / "experiments/whole")
    shares = [metrics[f"test_layer_{number}_share"] for number in (1, 2, 3)]
    assert sum(shares) == pytest.approx(1.0, abs=1e-5)
    assert len(set(shares)) == 3


@pytest.mark.parametrize("target", ["hf", "onnx"])
def test_exports_recognise_every_test_utterance_alike(extended: Path, place: Path, target: str) -> None:
    assert run(["export", str(place / "experiments/whole"), "--to", target, "--check"]) == 0


def test_an_adapter_over_an_exported_model_is_trained_evaluated_and_merged(place: Path) -> None:
    data = {"dataset_classes": sentences(20, 6, 6)}
    base = configuration(place, model={"network_config": THREE_LAYERS}, data=data, trainer=TRAINER)
    fit(written(place / "base.yaml", base), "base")
    folder = place / "exported"
    assert run(["export", str(place / "experiments/base"), "--to", "hf", "--output", str(folder)]) == 0
    model = {
        "network_config": None,
        "pretrained_name": str(folder),
        "map_vocabulary": True,
        "freeze_feature_extractor": True,
        "adapter": {"rank": 2, "targets": ["q_proj", "v_proj", "output_dense"]},
    }
    config = written(place / "tuned.yaml", configuration(place, model=model, data=data, trainer=TRAINER))
    fit(config, "tuned")
    fit(config, "tuned_again", "--trainer.max_steps", "7")
    fit(config, "tuned_again", "--ckpt_path", "last")
    assert_same_weights(place / "experiments/tuned_again", place / "experiments/tuned")
    names = last_checkpoint(place / "experiments/tuned")["state_dict"]
    assert not any(name.endswith("q_proj.weight") for name in names)
    assert run(["test", "--config", str(config), "--custom_folder_name", "tuned"]) == 0
    for target in ("hf", "onnx"):
        assert run(["export", str(place / "experiments/tuned"), "--to", target, "--check"]) == 0

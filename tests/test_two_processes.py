"""Two processes give the figures of one, in one folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]

CONFIG = {
    "seed_everything": None,
    "custom_folder_name": "two",
    "model": {
        "vocab_file": "dataset_modules/tokens/russian_phones.json",
        "network_name": "Wav2Vec2Bert",
        "network_config": {
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
        },
        "freeze_feature_extractor": False,
        "lr": 0.01,
    },
    "data": {
        "language": "ru",
        "batch_size": 2,
        "unknown_phonemes": "map_to_unknown",
        # One German sentence to test on: one of the processes hears none.
        "dataset_classes": [
            {
                "class_path": "dataset_modules.synthetic.SyntheticSpeechDataset",
                "init_args": {"num_train": 12, "num_val": 5, "num_test": 4},
            },
            {
                "class_path": "dataset_modules.synthetic.SyntheticSpeechDataset",
                "init_args": {"language": "de", "num_train": 2, "num_val": 0, "num_test": 1},
            },
        ],
    },
    "trainer": {
        "accelerator": "cpu",
        "max_epochs": 1,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    },
}


def main(mode, config, *overrides):
    command = [sys.executable, "main.py", mode, "--config", str(config), *overrides]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_two_processes_share_a_folder_and_count_every_utterance_once(tmp_path):
    content = CONFIG | {"trainer": CONFIG["trainer"] | {"default_root_dir": str(tmp_path)}}
    for dataset in content["data"]["dataset_classes"]:
        dataset["init_args"]["cache_dir"] = str(tmp_path / "cache")
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    main("fit", config, "--trainer.devices", "2", "--trainer.strategy", "ddp")
    assert [folder.name for folder in (tmp_path / "experiments").iterdir()] == ["two"]
    together = json.loads((tmp_path / "experiments/two/metrics.json").read_text())

    main("test", config)
    (alone,) = (tmp_path / "experiments/two/evaluations").glob("test*/metrics.json")
    alone = json.loads(alone.read_text())
    for figure in ("test_per", "test_per_ru", "test_per_de", "test_cer", "test_wer", "test_blank_share"):
        assert alone[figure] == together[figure]
    assert "val_per_ru" not in together  # validation hears one language alone
    assert alone["test_loss"] == pytest.approx(together["test_loss"], abs=1e-6)

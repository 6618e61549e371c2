"""The configuration that the journeys share: a tiny network and a few spoken sentences, on a processor."""

from pathlib import Path
from typing import Any

import yaml

from tests.models.conftest import TINY

Section = dict[str, Any]

ONE_LAYER = {"num_hidden_layers": 1, "intermediate_size": 32}
TINY_WAV2VEC2 = TINY["Wav2Vec2"] | ONE_LAYER
TINY_BERT = {"hidden_size": 32, "num_attention_heads": 2, **ONE_LAYER}


def sentences(num_train: int, num_val: int, num_test: int, **arguments: object) -> list[Section]:
    """``dataset_classes`` with one synthetic data set."""
    counts = {"num_train": num_train, "num_val": num_val, "num_test": num_test}
    name = "dataset_modules.synthetic.SyntheticSpeechDataset"
    return [{"class_path": name, "init_args": counts | arguments}]


def noise(p: float) -> list[Section]:
    """``augmentations`` that add noise to some clips."""
    return [{"class_path": "audiomentations.AddGaussianNoise", "init_args": {"p": p}}]


def configuration(place: Path, **sections: object) -> Section:
    """Return the shared configuration below a folder; keys of the given sections replace or add to it."""
    shared: Section = {
        "seed_everything": 7,
        "model": {
            "vocab_file": "dataset_modules/tokens/russian_phones.json",
            "network_config": TINY_WAV2VEC2,
            "freeze_feature_extractor": False,
            "lr": 0.003,
        },
        "data": {"language": "ru", "batch_size": 4},
        "trainer": {"accelerator": "cpu", "default_root_dir": str(place), "enable_progress_bar": False},
    }
    for name, section in sections.items():
        shared[name] = shared.get(name, {}) | section if isinstance(section, dict) else section
    for dataset in shared["data"]["dataset_classes"]:
        dataset["init_args"].setdefault("cache_dir", str(place / "cache"))
    return shared


def written(path: Path, content: Section) -> Path:
    """Write a configuration file; return its path."""
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path

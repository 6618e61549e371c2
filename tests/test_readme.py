"""What the README prints is what the tests run."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def python_block(start):
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL) if start in b]
    return block


def test_the_printed_optimizer_runs():
    import torch

    model = torch.nn.Linear(30, 30)
    names = {"model": model}
    exec(python_block("get_parameter_groups"), names)  # noqa: S102 - our own README
    model(torch.ones(1, 30)).sum().backward()
    before = model.weight.detach().clone()
    names["optimizer"].step()
    names["schedule"].step()
    assert (model.weight != before).any()


def test_the_printed_data_set_is_the_tested_one():
    printed = python_block("class WavFolder")
    tested = (ROOT / "tests/dataset_modules/test_base_dataset.py").read_text(encoding="utf-8")
    assert printed[printed.index("class WavFolder") :].strip() in tested


def test_every_file_that_is_named_exists():
    named = set(re.findall(r"`((?:config|dataset_modules|benchmarks|tests)/[\w/.]*)`", README))
    missing = [name for name in named if not (ROOT / name).exists()]
    assert named
    assert not missing


def test_every_configuration_key_is_explained():
    import inspect

    from dataset_modules.datamodule import PhonemeDataModule
    from models import PhonemeRecognizer

    for component in (PhonemeRecognizer, PhonemeDataModule):
        keys = list(inspect.signature(component).parameters)
        assert [key for key in keys if f"`{key}`" not in README] == []


def test_commands_name_configurations_that_exist():
    for name in re.findall(r"config/[\w/]+\.yaml", README):
        assert yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))

"""A configuration as users write it, through the command line's own parser."""

import sys

import pytest
from audiomentations import Compose, Gain, OneOf, SomeOf

from cli.configuration.parser import PhonemeArgumentParser
from dataset_modules.augmentations import Transform
from experiment.errors import ConfigError

OWN = """
from audiomentations.core.transforms_interface import BaseWaveformTransform

class CustomPitchShift(BaseWaveformTransform):
    def __init__(self, semitones: float = 2.0, p: float = 0.5):
        super().__init__(p)
        self.semitones = semitones

    def apply(self, samples, sample_rate):
        return samples * self.semitones
"""


def built(transforms):
    parser = PhonemeArgumentParser()
    parser.add_argument("--augmentations", type=list[Transform] | None, default=None)
    return parser.instantiate_classes(parser.parse_object({"augmentations": transforms})).augmentations


def node(class_path, **arguments):
    return {"class_path": class_path, "init_args": arguments}


@pytest.fixture
def own_class(tmp_path, monkeypatch):
    (tmp_path / "custom_augmentations.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "custom_augmentations", raising=False)


def test_compositions_nest_to_any_depth(own_class):
    gain = node("audiomentations.Gain", min_gain_db=-3, p=1.0)
    some = node("audiomentations.SomeOf", num_transforms=[1, None], transforms=[gain, gain])
    both = node(
        "audiomentations.Compose", transforms=[node("custom_augmentations.CustomPitchShift")], shuffle=True
    )
    (outer,) = built([node("audiomentations.OneOf", transforms=[some, both], weights=[1, 3], p=0.9)])
    assert isinstance(outer, OneOf)
    first, second = outer.transforms
    assert isinstance(first, SomeOf)
    assert first.num_transforms == (1, None)
    assert isinstance(first.transforms[0], Gain)
    assert first.transforms[0].min_gain_db == -3.0
    assert isinstance(second, Compose)
    assert type(second.transforms[0]).__name__ == "CustomPitchShift"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (node("audiomentations.Gain", min_gain_in_db=-3), "min_gain_in_db"),
        (node("audiomentations.Gian"), "Gian"),
        (node("audiomentations.Gain", min_gain_db="loud"), "loud"),
        (node("custom_augmentations.CustomPitchShift", semitone=1), "semitone"),
        (node("pathlib.Path"), "pathlib.Path"),
    ],
    ids=["argument", "class", "type", "own class", "no transform"],
)
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_mistakes_at_any_depth_are_refused_by_name(own_class, wrong, named, depth):
    for _ in range(depth):
        wrong = node("audiomentations.OneOf", transforms=[wrong])
    with pytest.raises(ConfigError, match=named):
        built([wrong])

"""Faults in YAML that a parser passes over."""

import pytest

from cli.configuration.nearest_names import accepted_keys
from cli.configuration.yaml_files import check_yaml_files, places_of
from experiment.errors import ConfigError


def written(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a: 1\na: 2", "key a must stand once, it stands in lines 1 and 2"),
        ("m:\n  - x: {b: 1, b: 2}", r"m\[0\].x.b"),
        ("a: [1", "must be YAML"),
        ("- a", "sections"),
    ],
)
def test_faults_are_named(tmp_path, text, named):
    with pytest.raises(ConfigError, match=named):
        check_yaml_files([written(tmp_path, text)])


def test_merge_keys_and_anchors_are_no_fault(tmp_path):
    check_yaml_files([written(tmp_path, "a: &a {x: 1}\nb:\n  <<: *a\nc:\n  <<: *a\n  x: 2")])


def test_a_keys_place_and_owner_are_found(tmp_path):
    path = written(tmp_path, "l:\n  - class_path: m.C\n    init_args:\n      key: 1\n")
    (place,) = places_of("key", [path])
    assert str(place) == "l[0].init_args.key (line 4, for m.C)"


def test_accepted_keys_are_the_constructors():
    assert accepted_keys("cli.configuration.yaml_files.Place") == ["path", "line", "component", "file"]
    options = accepted_keys("callbacks.checkpoints.CustomModelCheckpoint")
    assert {"monitor", "save_top_k", "verbose"} <= set(options)
    assert "options" not in options

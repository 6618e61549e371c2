"""Paths into a configuration: the values at them, the messages for wrong ones."""

import pytest

from tuning.space.config_paths import (
    ConfigPathError,
    exists,
    expanded,
    no_such_path,
    parse_path,
    path_text,
    paths_of,
    value_at,
    with_value,
)

CONFIG = {
    "model": {"lr": 0.1, "network_config": None},
    "data": {"dataset_classes": [{"init_args": {"n": 1}}, {"init_args": {"n": 2}}], "batch_size": 4},
    "trainer": {"callbacks": [{"init_args": {"p": 1}}], "lr_like": 1},
}


def test_every_path_of_a_configuration_leads_to_its_value_and_back_to_its_text():
    for path in paths_of(CONFIG):
        assert exists(CONFIG, path)
        assert parse_path(path_text(path)) == path


@pytest.mark.parametrize("text", ["", "[0].a", "a..b", "a[x]", "a[0", "a b", ".a", "a.", "a[-1]"])
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ConfigPathError, match="search_spaces"):
        parse_path(text)


def test_a_section_may_be_left_out_where_only_one_has_the_key():
    assert expanded(CONFIG, parse_path("callbacks[0].init_args.p"))[0] == "trainer"
    assert expanded(CONFIG, parse_path("dataset_classes[1]"))[0] == "data"
    assert expanded(CONFIG, parse_path("nowhere.at")) == ("nowhere", "at")
    assert expanded(CONFIG, parse_path("data.batch_size")) == ("data", "batch_size")


def test_setting_a_value_leaves_the_original_alone():
    path = parse_path("data.dataset_classes[1].init_args.n")
    changed = with_value(CONFIG, path, 7)
    assert value_at(changed, path) == 7
    assert value_at(CONFIG, path) == 2
    assert value_at(changed, parse_path("data.dataset_classes[0].init_args.n")) == 1


def test_a_new_last_key_is_set_also_below_null():
    assert with_value(CONFIG, parse_path("model.network_config.x"), 1)["model"]["network_config"] == {"x": 1}


@pytest.mark.parametrize(
    "text", ["model.nothing.x", "data.dataset_classes[2]", "data.batch_size.x", "data.dataset_classes.x"]
)
def test_a_value_cannot_be_set_where_the_way_ends(text):
    with pytest.raises(ConfigPathError):
        with_value(CONFIG, parse_path(text), 1)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("model.lrr", "model.lr"),
        ("data.dataset_classes[1].init_arg.n", "data.dataset_classes[1].init_args.n"),
        ("modle.lr", "model.lr"),
        ("data.dataset_classes[2].init_args.n", "has 2 entries, [0] to [1]"),
    ],
)
def test_a_wrong_path_names_what_is_near(text, near):
    assert near in no_such_path(CONFIG, parse_path(text))

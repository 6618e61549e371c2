import copy
import json

import pytest

from benchmarks.little_data_variants import (
    BASE,
    DEMO,
    SYNTHETIC,
    VARIANTS,
    calibration,
    configuration,
    steps_for,
    variants_of,
)
from cli.schema.checker import Checker
from cli.schema.generator import parsers_of_training
from cli.schema.schema_file import ROOT, read_schema
from untrusted.yaml_text import read_yaml

RECORDED = "dataset_modules.custom.CustomAudioDataset"


@pytest.fixture(scope="module")
def parser():
    return parsers_of_training()["fit"]


@pytest.fixture(scope="module")
def demo():
    return read_yaml(ROOT / "config" / "demo.yaml")


@pytest.fixture
def starter(demo):
    """What ``start`` writes, as far as variants change it."""
    started = copy.deepcopy(demo)
    (synthetic,) = started["data"]["dataset_classes"]
    synthetic["init_args"]["comes_first"] = True
    recorded = {"class_path": RECORDED, "init_args": {"train_val_dir": "data/clips", "comes_first": False}}
    started["data"]["dataset_classes"] = [recorded, synthetic]
    return started


def built(base, name, steps=300, weights=None):
    return configuration(
        base, VARIANTS[name], name="run", steps=steps, seed=7, clock="clock", weights=weights
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_the_parser_accepts_every_variant(name, parser, starter):
    run = built(starter, name)
    checker = Checker(read_schema(), "fit")
    assert checker.faults(checker.root, run) == []
    parsed = parser.parse_object(run)
    assert (parsed.trainer.max_steps, parsed.model.total_steps, parsed.seed_everything) == (300, 300, 7)
    assert parsed.trainer.check_val_every_n_epoch is None


def test_the_parser_refuses_a_misspelt_variant(parser, starter):
    run = built(starter, BASE)
    run["model"]["intermediate_ctcs"] = {"layers": [2]}
    with pytest.raises(Exception, match="intermediate_ctcs"):
        parser.parse_object(run)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != BASE])
def test_every_variant_differs_from_what_it_is_compared_with(name):
    assert VARIANTS[name].description() != VARIANTS[VARIANTS[name].against].description()


def test_a_description_survives_its_file():
    for variant in VARIANTS.values():
        assert json.loads(json.dumps(variant.description())) == variant.description()


def test_a_variant_changes_what_it_names_and_keeps_the_rest(starter):
    base, changed = built(starter, BASE), built(starter, "consistency")
    assert changed["model"].pop("consistency") == {"weight": 0.2, "mask_factor": 2.5}
    assert changed == base


def test_synthetic_speech_comes_first_is_mixed_or_left_out(starter):
    def datasets(name):
        return [
            (one["class_path"], one["init_args"]["comes_first"])
            for one in built(starter, name)["data"]["dataset_classes"]
        ]

    assert datasets(BASE) == [(RECORDED, False), (SYNTHETIC, True)]
    assert datasets("mixed_from_start") == [(RECORDED, False), (SYNTHETIC, False)]
    assert datasets("recordings_alone") == [(RECORDED, False)]


def test_weights_of_the_demo_are_loaded_without_its_position(starter):
    run = built(starter, "lora", weights="demo.ckpt")
    assert (run["ckpt_path"], run["only_weights_load"]) == ("demo.ckpt", True)
    assert "ckpt_path" not in built(starter, BASE)


def test_a_calibration_has_the_steps_of_a_long_run_and_evaluates_nothing(starter):
    run = calibration(built(starter, "weight_average", steps=45))
    assert [one["init_args"]["comes_first"] for one in run["data"]["dataset_classes"]] == [False, False]
    assert (run["trainer"]["limit_val_batches"], run["trainer"]["limit_test_batches"]) == (0, 0)
    assert "decoding" not in run
    assert run["trainer"]["callbacks"] == built(starter, "weight_average")["trainer"]["callbacks"]


def test_a_run_is_validated_after_its_last_step(starter):
    trainer = built(starter, BASE, steps=301)["trainer"]
    assert trainer["val_check_interval"] == 76  # at 76, 152, 228; the last step is validated in any case


def test_the_demo_has_only_the_variants_that_need_no_recordings():
    assert set(VARIANTS) - set(variants_of(DEMO)) == {
        *("sampling", "mixed_from_start", "recordings_alone", "from_demo", "lora", "unfreeze")
    }
    assert variants_of("ru") == list(VARIANTS)


def test_what_a_chosen_variant_is_compared_with_is_measured_too():
    assert variants_of("ru", ["lora"]) == [BASE, "from_demo", "lora"]


@pytest.mark.parametrize(
    ("minutes", "step_seconds", "steps"), [(10, 0.3, 2000), (10, 0.6, 1000), (0.5, 0.4, 75), (0.001, 9, 1)]
)
def test_a_step_that_costs_twice_as_much_leaves_half_the_steps(minutes, step_seconds, steps):
    assert steps_for(minutes, step_seconds) == steps

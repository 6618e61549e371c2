"""The studies in ``config/studies``, and what the command line hands over."""

from pathlib import Path

import pytest

from cli.run import run
from experiment.errors import ConfigError
from tuning.variants.study_plan import StudyPlan

STUDIES = Path(__file__).parents[3] / "config/studies"


def plan_of(*arguments):
    """The plan of a study that the command line would start."""
    seen = []
    assert run(["study", *arguments], lambda request: seen.append(request) or 7) == 7
    return StudyPlan.of(seen[0])


@pytest.mark.slow
def test_optimizers_have_equal_budgets_and_rates_around_their_own():
    plan = plan_of(str(STUDIES / "optimizers.yaml"), "--trainer.max_steps", "200")
    assert [*plan.variants] == ["adamw", "sgd", "fam", "fam_off", "simple_fam", "autosgm_0", "autosgm_3"]
    ranges = {
        name: (one.space.parameters[0].distribution.low, one.space.parameters[0].distribution.high)
        for name, one in plan.variants.items()
    }
    assert ranges["adamw"] == pytest.approx((0.0004, 0.01))
    assert ranges["fam"] == pytest.approx((0.4, 10.0))
    assert {one.base["trainer"]["max_steps"] for one in plan.variants.values()} == {200}
    assert plan.variants["fam_off"].base["model"]["optimizer_params"] == {"fam_start_step": 10**9}
    assert plan.variants["simple_fam"].base["model"]["optimizer_params"] is None
    assert plan.variants["adamw"].base["model"]["optimizer_params"] == {"betas": [0.9, 0.98]}


@pytest.mark.slow
def test_fam_is_compared_with_fixed_momenta():
    plan = plan_of(str(STUDIES / "fam_bands.yaml"))
    momenta = [
        plan.variants[f"momentum_{number}"].base["model"]["optimizer_params"] for number in (900, 925, 950)
    ]
    assert [one["alpha"] for one in momenta] == [0.9, 0.925, 0.95]


@pytest.mark.slow
def test_every_zero_location_of_autosgm_has_every_numerator():
    plan = plan_of(str(STUDIES / "autosgm_zeros.yaml"))
    settings = [one.base["model"]["optimizer_params"] for one in plan.variants.values()]
    assert len({(one["lr_cfg"][2], one["beta_cfg"][3]) for one in settings}) == len(settings) == 16


def test_a_file_that_a_variant_lacks_is_named(tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(f"study: {{baseline: b, variants: {{a: {{config: {tmp_path}/none.yaml}}, b: {{}}}}}}\n")
    with pytest.raises(ConfigError, match=r"study.variants.a: .*none.yaml"):
        plan_of(str(STUDIES / "fam_bands.yaml"), "--config", str(study))


def test_an_override_of_the_wrong_type_is_named():
    variants = "{a: {overrides: {model.lr: fast}}, b: {}}"
    with pytest.raises(ConfigError, match=r"study.variants.a: .*lr"):
        plan_of(str(STUDIES / "fam_bands.yaml"), "--study.variants", variants, "--study.baseline", "a")


@pytest.mark.parametrize(
    ("option", "named"),
    [("--study.seed=3", "study.seed"), ("--study.variants={a: {configs: x}, b: {}}", "nearest: config;")],
)
def test_a_misspelt_key_is_named(option, named, capsys):
    assert run(["study", str(STUDIES / "fam_bands.yaml"), option], lambda _: 7) == 2
    assert named in capsys.readouterr().err

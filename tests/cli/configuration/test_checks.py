"""Checks of parts that stand already."""

from types import SimpleNamespace

import pytest

from cli.configuration.checks import check_monitors, check_strategy
from cli.configuration.fact_checks import check_encoder_cache
from experiment.errors import ConfigError


def test_the_rate_of_a_language_may_be_watched_where_it_is_logged():
    watching = SimpleNamespace(monitor="val_per_de")
    check_monitors([watching], ["de", "ru"])
    with pytest.raises(ConfigError, match="val_per_de"):
        check_monitors([watching])


def test_states_of_an_encoder_are_not_kept_where_every_epoch_sounds_different():
    noise = [{"class_path": "audiomentations.AddGaussianNoise"}]

    def section(cache, augmentations, limit=None, own=None):
        datasets = [{"init_args": {}}, {"init_args": {"augmentations": own}}]
        return SimpleNamespace(
            model=SimpleNamespace(cache_encoder=cache),
            data=SimpleNamespace(augmentations=augmentations, dataset_classes=datasets),
            trainer=SimpleNamespace(limit_train_batches=limit),
        )

    check_encoder_cache(section(True, None))
    check_encoder_cache(section(None, noise))
    with pytest.raises(ConfigError, match=r"cache_encoder: true needs the same audio in every epoch"):
        check_encoder_cache(section(True, noise))
    with pytest.raises(
        ConfigError, match=r"data\.dataset_classes\[1\]\.init_args\.augmentations\[0\] changes"
    ):
        check_encoder_cache(section(True, None, own=noise))
    check_encoder_cache(section(True, None, 1.0))
    check_encoder_cache(section(None, None, 1))
    with pytest.raises(ConfigError, match=r"needs whole epochs, trainer.limit_train_batches is 1;"):
        check_encoder_cache(section(True, None, 1))


@pytest.mark.parametrize(
    "strategy",
    ["ddp_spawn", "ddp_spawn_find_unused_parameters_true", {"init_args": {"start_method": "forkserver"}}],
)
def test_processes_that_receive_the_run_by_pickle_are_refused(strategy):
    with pytest.raises(ConfigError, match="cannot be used"):
        check_strategy(SimpleNamespace(strategy=strategy))
    for usable in ("auto", "ddp", "ddp_fork", {"init_args": {"start_method": "popen"}}, {}):
        check_strategy(SimpleNamespace(strategy=usable))

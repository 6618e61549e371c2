"""Checks of parts that stand already."""

from types import SimpleNamespace

import pytest

from cli.checks import check_monitors
from cli.errors import ConfigError


def test_the_rate_of_a_language_may_be_watched_where_it_is_logged():
    watching = SimpleNamespace(monitor="val_per_de")
    check_monitors([watching], ["de", "ru"])
    with pytest.raises(ConfigError, match="val_per_de"):
        check_monitors([watching])

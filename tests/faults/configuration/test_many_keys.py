"""Thousands of wrong keys are one short message, soon."""

import time

import pytest
import yaml

from cli.schema.first_check import check_first
from experiment.errors import ConfigError


@pytest.mark.parametrize("section", ["", "model", "trainer"])
def test_thousands_of_unknown_keys_are_counted(tmp_path, section):
    keys = {f"unknown_{number}": number for number in range(4500)}
    path = tmp_path / "many.yaml"
    path.write_text(yaml.safe_dump({section: keys} if section else keys), encoding="utf-8")
    started = time.process_time()
    with pytest.raises(ConfigError, match="and 4495 more") as caught:
        check_first("fit", [], [path])
    assert time.process_time() - started < 10
    assert len(str(caught.value).splitlines()) == 6

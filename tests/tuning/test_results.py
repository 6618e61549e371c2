"""How long a search will take."""

import pytest

from tuning.results import Clock


def test_the_pace_is_that_of_all_workers_since_this_one_began(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("tuning.results.time.monotonic", lambda: now[0])
    clock = Clock(finished_before=4)
    assert clock.left_s(4, 10) is None
    now[0] += 60
    assert clock.left_s(7, 10) == pytest.approx(60)  # three in a minute, whoever ran them
    assert clock.left_s(10, 10) is None

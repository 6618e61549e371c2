"""What processes of one run say."""

import logging

import pytest
from forked_runs import ranks_of

from cli.console import ConsoleHandler


@pytest.mark.parametrize(("rank", "told"), [(0, ["news", "a fault"]), (1, ["a fault"])])
def test_the_first_process_tells_the_news_and_each_its_faults(rank, told, monkeypatch, capsys):
    for name, value in ranks_of(2, 1)[rank].items():
        monkeypatch.setenv(name, value)
    logger = logging.Logger("of a test")  # noqa: LOG001 - nobody else shall know it
    logger.addHandler(ConsoleHandler())
    logger.info("news")
    logger.warning("a fault")
    assert capsys.readouterr().err.split("\n")[:-1] == told

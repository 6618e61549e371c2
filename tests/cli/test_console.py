"""What processes of one run say."""

import logging

import pytest

from cli.console import ConsoleHandler


@pytest.mark.parametrize(("tells_news", "told"), [(True, ["news", "a fault"]), (False, ["a fault"])])
def test_one_process_tells_the_news_and_each_its_faults(tells_news, told, capsys):
    logger = logging.Logger("of a test")  # noqa: LOG001 - nobody else shall know it
    logger.addHandler(ConsoleHandler(tells_news=tells_news))
    logger.info("news")
    logger.warning("a fault")
    assert capsys.readouterr().err.split("\n")[:-1] == told

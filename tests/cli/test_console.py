"""What processes of one run log."""

import logging

import pytest

from cli.console import ConsoleHandler


@pytest.mark.parametrize(("only_warnings", "logged"), [(False, ["news", "a fault"]), (True, ["a fault"])])
def test_one_process_logs_the_news_and_each_its_faults(only_warnings, logged, capsys):
    logger = logging.Logger("of a test")  # noqa: LOG001 - nobody else shall know it
    logger.addHandler(ConsoleHandler(logging.WARNING if only_warnings else logging.NOTSET))
    logger.info("news")
    logger.warning("a fault")
    assert capsys.readouterr().err.split("\n")[:-1] == logged

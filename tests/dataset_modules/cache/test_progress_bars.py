import io
import sys

import pytest
from tqdm import tqdm

from dataset_modules.cache.progress_bars import LOG_SECONDS, is_terminal, refreshing


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_the_first_and_the_last_line_of_a_short_bar() -> None:
    stream = io.StringIO()
    intervals = refreshing(stream)
    for _ in tqdm(range(2_000_000), file=stream, **intervals):
        pass
    assert stream.getvalue().count("\r") <= 3
    assert "2000000/2000000" in stream.getvalue()
    assert intervals["mininterval"] == intervals["maxinterval"] == LOG_SECONDS


def test_a_terminal_sees_the_bar_move() -> None:
    assert refreshing(_Terminal())["mininterval"] < 1
    assert is_terminal(_Terminal())


def test_without_a_console_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_terminal(sys.stderr)

import logging

import numpy as np
import pytest

from dataset_modules.batches.limit import BatchLimit, fitting_batch_seconds, largest_fitting

RATE = 16000


@pytest.mark.parametrize("most", [1, 2, 3, 7, 100, 1000, 10**9])
def test_the_count_that_is_found_fits_and_hardly_more_does(most: int) -> None:
    tried: list[int] = []

    def fits(count: int) -> bool:
        tried.append(count)
        return count <= most

    found = largest_fitting(fits)
    assert found <= most
    assert found >= min(most / 1.1 - 1, 1 << 14)
    assert len(tried) < 24
    assert tried[0] == 1


def test_the_longest_clips_are_tried_and_some_memory_is_left() -> None:
    tried = []

    def fits(count: int, num_samples: int) -> bool:
        tried.append(num_samples)
        return count * num_samples <= 100 * RATE

    seconds = fitting_batch_seconds(10 * RATE, RATE, fits)
    assert set(tried) == {10 * RATE}
    assert 80 <= seconds <= 95


def test_where_nothing_fits_the_longest_come_alone_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert fitting_batch_seconds(12 * RATE, RATE, lambda *_: False) == 12.0
    assert "not even one clip of 12.0 s fits" in caplog.text


def test_clips_that_are_longer_than_a_batch_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    lengths = np.array([1, 2, 3, 5]) * RATE
    with caplog.at_level(logging.INFO):
        BatchLimit(5.0).log_use(lengths, RATE, 5.0)
        assert not caplog.text
        BatchLimit(3.0).log_use(lengths, RATE, 2.5)  # of clips that are slowed down
    assert "2 of 4 clips are longer than a batch of 2.5 s" in caplog.text


def test_what_auto_takes_without_a_gpu_is_said(caplog: pytest.LogCaptureFixture) -> None:
    limit = BatchLimit("auto")
    with caplog.at_level(logging.INFO):
        limit.log_use(np.array([RATE]), RATE, 60.0)
    assert "auto: 60 s per batch" in caplog.text
    caplog.clear()
    limit.found = 33.0
    limit.log_use(np.array([RATE]), RATE, 33.0)
    assert not caplog.text

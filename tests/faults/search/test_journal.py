"""A damaged journal of a search is one message, which names the line and the way out."""

from pathlib import Path

import optuna
import pytest

from experiment.errors import ConfigError
from tuning.study.storage import JOURNAL, SearchStorage

ORIGINAL = Path(__file__).parents[2] / "journeys" / "written_before" / "experiments" / "tones_search"
BROKEN = [b"garbage", b"[1]", b"\0\0", b"\xff", b'{"op_code": ' + b"9" * 5000 + b"}", b"[" * 100_000]


def opened(folder, lines):
    (folder / JOURNAL).write_bytes(b"".join(lines))
    return SearchStorage(None, folder).connection


@pytest.fixture
def lines():
    return (ORIGINAL / JOURNAL).read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda content: repr(content[:12]))
def test_a_damaged_line_is_named(tmp_path, lines, broken):
    with pytest.raises(
        ConfigError, match=r"journal\.log is damaged in line 4: .*move the file away"
    ) as refusal:
        opened(tmp_path, [*lines[:3], broken + b"\n", *lines[3:]])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("entry", [b'{"op_code": 99, "worker_id": "x"}\n', b'{"op_code": 4}\n'])
def test_an_entry_that_means_nothing(tmp_path, lines, entry):
    with pytest.raises(ConfigError, match="is damaged"):
        opened(tmp_path, [*lines[:3], entry, *lines[3:]])


def test_after_the_line_is_removed_the_search_goes_on(tmp_path, lines):
    storage = opened(tmp_path, [*lines[:-1], lines[-1][:20]])  # a crash: half an entry at the end
    (name,) = optuna.get_all_study_names(storage)
    assert len(optuna.load_study(study_name=name, storage=storage).trials) == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_is_a_failed_trial(value):
    from tuning.trials.running_trial import Report

    assert Report(0, {"val_per": value}).not_finite(["val_per"])
    assert not Report(0, {"val_per": 0.5}).not_finite(["val_per"])
